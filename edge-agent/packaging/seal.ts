/** Puts scripts and assets into a copy of a Node binary: https://nodejs.org/docs/latest-v24.x/api/single-executable-applications.html */
import { execFile } from 'node:child_process';
import { chmod, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The section, and the mark that the binary is searched for, as Node's documentation gives them. */
const SECTION = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * An agent mostly waits: V8 would let the space for short-lived objects grow to 64 MB under load and keep it; uploads
 * cost no more with this, and more with less. And it collects nothing while nothing new is asked for: adapters/host/memory.ts does.
 * https://nodejs.org/docs/latest-v24.x/api/cli.html#--max-semi-space-sizesize-in-mib
 *
 * What outlives that space may grow to four times what is in use before it is collected: 30 MB under a long upload. Twice
 * costs nothing that could be measured.
 *
 * Uploads side by side live as long as V8 takes for long when one wave of them is slow. From then on it would make
 * ("pretenure") the objects of every upload where only a full collection finds them, and the bytes sent with them: 45 MB
 * and a tenth of the CPU more, in one run and not in the next. https://github.com/v8/v8/blob/main/src/heap/pretenuring-handler.h
 */
const V8_FLAGS = [
  '--max-semi-space-size=8',
  '--heap-growing-percent=100',
  '--no-allocation-site-pretenuring',
  '--expose-gc',
];

export interface Contents {
  /** Of a CommonJS script. */
  main: string;
  /** Name and path. */
  assets: Readonly<Record<string, string>>;
  /** Compiled code of the main script: it is read by this Node version on this architecture only. */
  codeCache: boolean;
}

export interface SealOptions {
  /** A directory of this build alone. */
  workDir: string;
  /** The Node binary of this machine that writes the blob; of the version that will read it. */
  generator: string;
  /** The bytes of the Node binary that becomes the executable. */
  runtime: Buffer;
  target: string;
}

export async function seal(contents: Contents, options: SealOptions): Promise<void> {
  const { workDir, generator, runtime, target } = options;
  // Names without a directory: the path of the script is part of the blob, and would differ with the checkout.
  await writeFile(join(workDir, 'agent.cjs'), contents.main);
  await writeFile(
    join(workDir, 'sea.json'),
    JSON.stringify({
      main: 'agent.cjs',
      output: 'agent.blob',
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      useCodeCache: contents.codeCache,
      execArgv: V8_FLAGS,
      // A host's NODE_OPTIONS are meant for other programs.
      execArgvExtension: 'none',
      assets: contents.assets,
    }),
  );
  // The fixed seed makes the code cache, and so the executable, the same in each build; other flags would make it void.
  await run(generator, [...V8_FLAGS, '--random-seed=1', '--experimental-sea-config', 'sea.json'], {
    cwd: workDir,
  });
  // Whole or not at all: a build that was interrupted leaves no executable.
  const building = join(workDir, 'agent');
  await writeFile(building, runtime);
  await chmod(building, 0o755);
  const postject = fileURLToPath(import.meta.resolve('postject/dist/cli.js'));
  await run(generator, [postject, 'agent', SECTION, 'agent.blob', '--sentinel-fuse', FUSE], { cwd: workDir });
  await rename(building, target);
}
