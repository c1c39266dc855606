/**
 * The emulator is a Python program, and so is a linter. Each lives in a virtual environment inside the project's ignored
 * folder, so that nothing is installed on the host and removing the folder removes everything.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { SyncError } from '#core/errors.ts';

const run = promisify(execFile);

/** boto3 is for the emulator's Python Lambdas; this botocore is the one that ministack 1.5.33 was tried with. */
const EMULATOR_PACKAGES = ['ministack==1.5.33', 'boto3', 'botocore==1.43.106'] as const;

const CANDIDATES = [
  'python3',
  'python3.14',
  'python3.13',
  'python3.12',
  'python3.11',
  'python3.10',
  'python',
];
const MINIMUM = [3, 10] as const;
const INSTALL_TIMEOUT_MS = 170_000;

export interface PythonEnvironment {
  /** Directory of the environment, in the ignored folder. */
  venv: string;
  /** As pip takes them. */
  packages: readonly string[];
  /** What they are for, in messages. */
  purpose: string;
  /** What to do where there is no Python. */
  alternative?: string;
}

/** The path of the environment's Python, with the emulator installed; creates the environment when it is missing. */
export function emulatorPython(
  localDir: string,
  onProgress: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const environment = {
    venv: join(localDir, 'venv'),
    packages: EMULATOR_PACKAGES,
    purpose: 'the AWS emulator',
    alternative: 'set AWS_ENDPOINT_URL to an emulator that runs already',
  };
  return pythonEnvironment(environment, onProgress, signal);
}

/** The path of the environment's Python, with exactly these packages; what they install as commands is beside it. */
export async function pythonEnvironment(
  environment: PythonEnvironment,
  onProgress: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const { venv, packages, purpose } = environment;
  const python = join(venv, 'bin', 'python');
  const wanted = packages.join('\n');
  if ((await readStamp(venv)) === wanted) return python;

  const system = await findPython(environment);
  onProgress(`installing ${purpose} (${packages[0]}), once`);
  // Built beside and renamed: an interrupted or simultaneous start never leaves half an environment in place.
  const building = `${venv}.${process.pid}`;
  await mkdir(dirname(venv), { recursive: true });
  await rm(building, { recursive: true, force: true });
  try {
    await install(system, building, environment, signal);
    await renameCommands(building, venv);
    await writeFile(join(building, STAMP), wanted);
    if ((await readStamp(venv)) === wanted) return python;
    await rm(venv, { recursive: true, force: true });
    await rename(building, venv);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return python;
}

const STAMP = 'sluice-packages.txt';

/** pip writes at the head of each command where its Python is, which is about to be elsewhere. */
async function renameCommands(building: string, venv: string): Promise<void> {
  const bin = join(building, 'bin');
  for (const entry of await readdir(bin, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(bin, entry.name);
    // One byte is one character, so that a program that is no script stays what it is.
    const text = await readFile(file, 'latin1');
    if (text.startsWith('#!')) await writeFile(file, text.replaceAll(building, venv), 'latin1');
  }
}

async function readStamp(venv: string): Promise<string | undefined> {
  try {
    return await readFile(join(venv, STAMP), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function findPython({ purpose, alternative }: PythonEnvironment): Promise<string> {
  const seen: string[] = [];
  for (const candidate of CANDIDATES) {
    const version = await pythonVersion(candidate);
    if (version === undefined) continue;
    const [major = 0, minor = 0] = version;
    if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return candidate;
    seen.push(`${candidate} is ${major}.${minor}`);
  }
  throw new SyncError(
    `${purpose} needs Python ${MINIMUM.join('.')} or newer; found ${seen.join(', ') || 'none in PATH'}`,
    {
      op: 'find-python',
      retryable: false,
      hint: `Install it (Debian and Ubuntu: apt install python3 python3-venv)${alternative ? `, or ${alternative}` : ''}.`,
    },
  );
}

async function pythonVersion(command: string): Promise<number[] | undefined> {
  try {
    const { stdout } = await run(command, ['-c', 'import sys; print(*sys.version_info[:2])']);
    return stdout.trim().split(' ').map(Number);
  } catch (error) {
    // Absent, not executable, or a shim that points nowhere: in each case not a Python to use.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

async function install(
  system: string,
  venv: string,
  { packages, purpose }: PythonEnvironment,
  signal: AbortSignal | undefined,
): Promise<void> {
  const failed = (what: string, hint: string) => (cause: unknown) => {
    signal?.throwIfAborted();
    const detail = String((cause as { stderr?: string }).stderr ?? cause).trim();
    throw new SyncError(`${what}: ${detail.split('\n').slice(-3).join(' ')}`, {
      op: 'install-python-packages',
      retryable: false,
      hint,
      cause,
    });
  };
  await run(system, ['-m', 'venv', venv], { signal }).catch(
    failed('no virtual environment could be made', 'Debian and Ubuntu: apt install python3-venv.'),
  );
  await run(join(venv, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...packages], {
    timeout: INSTALL_TIMEOUT_MS,
    signal,
  }).catch(
    failed(`pip could not install ${purpose}`, 'Check that PyPI, or your mirror of it, is reachable.'),
  );
}
