/**
 * Takes the place of koffi's own search for its native library (src/static.js of koffi) in the executable: there the
 * library is an asset, and dlopen wants a file. It is written once per process to a directory that only this user can
 * enter, opened, and removed before it is used; every thread then loads it through the open descriptor.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRawAsset } from 'node:sea';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { SyncError } from '#core/errors.ts';

const ASSET = 'koffi.node';
/** Hardened hosts mount one or the other noexec, or read-only. */
const DIRECTORIES = [tmpdir(), '/dev/shm', '/var/tmp'];

/** Called by koffi with the name of its package for this platform; answers its native module. */
export function loadStatic(): unknown {
  // Workers inherit it from the thread that starts them.
  const opened = getEnvironmentData(ASSET);
  if (typeof opened === 'number') return load(opened);
  const failures: string[] = [];
  for (const directory of new Set(DIRECTORIES)) {
    try {
      return loadThrough(directory);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      failures.push(`${directory}: ${error.message}`);
    }
  }
  throw new SyncError(`the native library cannot be loaded: ${failures.join('; ')}`, {
    op: 'start',
    retryable: false,
    hint: 'Set TMPDIR to a directory that can be written to and is not mounted noexec; /proc must be mounted.',
  });
}

function loadThrough(parent: string): unknown {
  const fd = extractTo(parent);
  try {
    const native = load(fd);
    // It stays open: the threads to come load the same file, so that libc maps it once.
    setEnvironmentData(ASSET, fd);
    return native;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A descriptor of the extracted library; nothing of it stays on disk. */
function extractTo(parent: string): number {
  const directory = mkdtempSync(join(parent, 'sluice-'));
  try {
    const file = join(directory, ASSET);
    writeFileSync(file, new Uint8Array(getRawAsset(ASSET)), { flag: 'wx', mode: 0o500 });
    return openSync(file, 'r');
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function load(fd: number): unknown {
  const module = { exports: {} };
  process.dlopen(module, `/proc/self/fd/${fd}`, constants.dlopen.RTLD_NOW);
  return module.exports;
}
