/** A database of the agent that the disk has damaged: it is kept beside its place, never deleted, and another is begun. */
import { existsSync, renameSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { SyncError } from '#core/errors.ts';
import { indexError, isDamage, unlessUnread } from './index-error.ts';

export interface OpenFile {
  database: DatabaseSync;
  /** What to log, when a damaged file was moved aside. */
  quarantined: SyncError | undefined;
}

/**
 * @param what the file is, in messages
 * @param open is asked again for a new file, `lost`, when the old one was damaged
 * @param hint how what was in a damaged file comes back
 * @throws `SyncError` that names the file, which stays as it is unless it was damaged
 */
export function openOrSetAside(
  file: string,
  what: string,
  open: (lost: boolean) => DatabaseSync,
  hint: string,
): OpenFile {
  try {
    return { database: unlessUnread(file, () => open(false)), quarantined: undefined };
  } catch (error) {
    if (!isDamage(error)) throw indexError(file, error);
    const aside = attempt(file, () => moveAside(file));
    const quarantined = new SyncError(`the ${what} ${file} is damaged (${error.message}); kept as ${aside}`, {
      op: 'index',
      key: file,
      retryable: false,
      code: 'IndexCorrupt',
      hint,
      cause: error,
    });
    return { database: attempt(file, () => open(true)), quarantined };
  }
}

function attempt<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw indexError(file, error);
  }
}

function moveAside(file: string): string {
  let n = 1;
  const taken = (name: string) => ['', '-wal', '-shm'].some((suffix) => existsSync(name + suffix));
  while (taken(`${file}.corrupt-${n}`)) n++;
  const aside = `${file}.corrupt-${n}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  }
  return aside;
}
