/** MinIO publishes no more binaries: it is built through Go, once, into the project's ignored folder. */
import { execFile } from 'node:child_process';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SyncError } from '#core/errors.ts';

const run = promisify(execFile);

const MODULE = 'github.com/minio/minio';
const VERSION = 'v0.0.0-20260212201848-7aac2a2c5b7c';
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** The path of the program. Throws `SyncError` that says what to install when it cannot be built. */
export async function minioProgram(directory: string, onProgress: (line: string) => void): Promise<string> {
  const built = join(directory, `minio-${VERSION}`);
  const program = join(built, 'minio');
  if (await exists(program)) return program;
  await requireGo();
  onProgress(`building MinIO ${VERSION} with Go, once; it takes some minutes`);
  // Built beside and renamed: an interrupted build never stands in for a whole one.
  const building = `${built}.${process.pid}`;
  await mkdir(building, { recursive: true });
  try {
    await run('go', ['install', `${MODULE}@${VERSION}`], {
      env: { ...process.env, GOBIN: building, CGO_ENABLED: '0' },
      maxBuffer: MAX_OUTPUT_BYTES,
    }).catch((cause: unknown) => {
      const detail = String((cause as { stderr?: string }).stderr ?? cause).trim();
      throw new SyncError(`MinIO could not be built: ${detail.split('\n').slice(-3).join(' ')}`, {
        op: 'build-minio',
        retryable: false,
        hint: 'Check that the Go module proxy (GOPROXY) is reachable.',
        cause,
      });
    });
    if (!(await exists(program))) await rename(building, built);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return program;
}

async function requireGo(): Promise<void> {
  try {
    await run('go', ['version']);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new SyncError('MinIO is built with Go, and no go is in PATH', {
      op: 'build-minio',
      retryable: false,
      hint: 'Install it (https://go.dev/dl), or run npm test, which uses the emulator and needs none.',
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
