/** One agent per folder: a lock file held with flock(2) for as long as the process lives. */
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { SyncError } from '#core/errors.ts';
import { isSystemError, tryLock } from './libc.ts';

/**
 * Takes the lock and answers the function that releases it. Throws `SyncError` (code `Locked`) when another process,
 * or this one, holds it. The file stays: removing it would let two agents lock two different files of one name.
 */
export function lockFolder(file: string): () => void {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
  let locked = false;
  try {
    if (!tryLock(fd)) throw heldByAnother(file);
    tellHolder(fd);
    locked = true;
  } finally {
    if (!locked) closeSync(fd);
  }
  let released = false;
  return () => {
    if (!released) closeSync(fd);
    released = true;
  };
}

/** For people. A full disk must not keep a folder from being emptied. */
function tellHolder(fd: number): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`, 0);
  } catch (error) {
    if (!isSystemError(error) || (error.code !== 'ENOSPC' && error.code !== 'EDQUOT')) throw error;
  }
}

function heldByAnother(file: string): SyncError {
  const holder = readFileSync(file, 'utf8').trim();
  const process = /^\d+$/.test(holder) ? `process ${holder}` : 'another process';
  return new SyncError(`${file} is locked by ${process}`, {
    op: 'lock',
    key: file,
    retryable: false,
    code: 'Locked',
    hint: 'Another agent holds this folder: stop it first, or give this one a folder of its own.',
  });
}
