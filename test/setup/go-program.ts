/** Programs that come as Go source: built once, into the project's ignored folder. */
import { execFile } from 'node:child_process';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SyncError } from '#core/errors.ts';

const run = promisify(execFile);

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface GoProgram {
  /** In messages. */
  title: string;
  /** Of the executable. */
  name: string;
  version: string;
  /** As `go install MODULE@VERSION` takes it; or the files of a program of this project. */
  source: { module: string } | { files: readonly string[] };
  /** How to do without it. */
  alternative?: string;
}

/** The path of the program, in a directory of its version. Throws `SyncError` that says what to do when it cannot be built. */
export async function goProgram(
  directory: string,
  program: GoProgram,
  onProgress: (line: string) => void,
): Promise<string> {
  const { title, name, version, source } = program;
  const built = join(directory, `${name}-${version}`);
  const path = join(built, name);
  if (await exists(path)) return path;
  await requireGo(program);
  onProgress(`building ${title} ${version} with Go, once; it may take some minutes`);
  // Built beside and renamed: an interrupted build never stands in for a whole one.
  const building = `${built}.${process.pid}`;
  await mkdir(building, { recursive: true });
  const args =
    'module' in source
      ? ['install', `${source.module}@${version}`]
      : ['build', '-o', join(building, name), ...source.files];
  try {
    await run('go', args, {
      env: { ...process.env, GOBIN: building, CGO_ENABLED: '0' },
      maxBuffer: MAX_OUTPUT_BYTES,
    }).catch((cause: unknown) => {
      const detail = String((cause as { stderr?: string }).stderr ?? cause).trim();
      throw new SyncError(`${title} could not be built: ${detail.split('\n').slice(-3).join(' ')}`, {
        op: 'build-go-program',
        retryable: false,
        hint: 'Check that the Go module proxy (GOPROXY) is reachable.',
        cause,
      });
    });
    if (!(await exists(path))) await rename(building, built);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return path;
}

async function requireGo({ title, alternative }: GoProgram): Promise<void> {
  try {
    await run('go', ['version']);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new SyncError(`${title} is built with Go, and no go is in PATH`, {
      op: 'build-go-program',
      retryable: false,
      hint: `Install it (https://go.dev/dl)${alternative === undefined ? '' : `, or ${alternative}`}.`,
      cause: error,
    });
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
}
