/** Gives a finished file its name in the folder. What somebody else has put there is never overwritten. */
import { closeSync, renameSync, unlinkSync } from 'node:fs';
import { type IncomingFile, swapPath } from './incoming.ts';
import { isSystemError, renameExchange } from './libc.ts';
import type { OpenDirectory } from './parent.ts';
import type { SyncDirectory } from './shared-sync.ts';
import { conflictName, moveIfAbsent } from './trash.ts';
import { type FileState, joinPath, openFile, type SkipReason, sameContent, statOf } from './tree.ts';

export type Placed =
  /** As it is under its name. */
  | { state: FileState }
  /** Something that is no file has the name. */
  | { blocked: SkipReason }
  /** The file that has the name is open for writing. */
  | { busy: true };

export interface PlacePolicy {
  /** True for what an earlier receive placed and nobody has touched: it is replaced. Anything else is moved aside. */
  isOurs(state: FileState): boolean;
  /** Keeps the writers of the file that has the name away until it is released and closed. */
  hold(fd: number): { readonly broken: boolean; release(): void } | 'busy' | 'unsupported';
  /** A file of somebody else had the name, and is called this now. */
  movedAside(name: Buffer): void;
  sync: SyncDirectory;
}

/**
 * Answers when the name is on the disk too. When the directory cannot be fsynced, the file is taken back and the
 * system's error is thrown: nobody knows then what the disk holds. Throws Node's errors.
 */
export async function placeFile(
  directory: OpenDirectory,
  name: Buffer,
  file: IncomingFile,
  policy: PlacePolicy,
): Promise<Placed> {
  const before = statOf(file.fd);
  const hindrance = giveName(directory, name, { path: file.path, state: before }, policy);
  if (hindrance !== undefined) return hindrance;
  try {
    await policy.sync(directory.fd);
  } catch (error) {
    takeBack(joinPath(directory.path, name), file, before);
    throw error;
  }
  // A reader that has changed it already has made it a file of its own.
  const after = statOf(file.fd);
  return { state: sameContent(before, after) ? after : before };
}

interface Download {
  path: Buffer;
  state: FileState;
}

function giveName(
  directory: OpenDirectory,
  name: Buffer,
  download: Download,
  policy: PlacePolicy,
): Exclude<Placed, { state: FileState }> | undefined {
  const parent = directory.path;
  while (!moveIfAbsent(download.path, joinPath(parent, name))) {
    const opened = openFile(directory, name, false);
    if ('skipped' in opened) {
      if (opened.skipped === 'vanished') continue;
      return { blocked: opened.skipped };
    }
    let held: ReturnType<PlacePolicy['hold']> = 'unsupported';
    try {
      held = policy.hold(opened.fd);
      if (held === 'busy') return { busy: true };
      const state = statOf(opened.fd);
      if (policy.isOurs(state)) {
        const other = replace(parent, name, download, state, held);
        if (other !== undefined) policy.movedAside(other);
        return undefined;
      }
      const aside = moveAside(parent, name);
      if (aside !== undefined) policy.movedAside(aside);
    } finally {
      if (typeof held === 'object') held.release();
      closeSync(opened.fd);
    }
  }
  return undefined;
}

/**
 * Swaps the two, so that what is replaced can be looked at before it goes. If it is another file than expected it is
 * kept, and its name answered.
 */
function replace(
  parent: Buffer,
  name: Buffer,
  { path, state }: Download,
  expected: FileState,
  held: Exclude<ReturnType<PlacePolicy['hold']>, 'busy'>,
): Buffer | undefined {
  const target = joinPath(parent, name);
  const swap = swapPath(path, state, expected);
  renameSync(path, swap);
  try {
    renameExchange(swap, target);
  } catch (error) {
    if (!isSystemError(error) || !['EINVAL', 'ENOSYS'].includes(error.code)) {
      renameSync(swap, path);
      throw error;
    }
    renameSync(swap, target);
    return undefined;
  }
  // Who waits for the lease has opened this file, by its name, and is about to write it.
  if ((held !== 'unsupported' && held.broken) || !isStill(swap, expected)) {
    try {
      return keepBeside(parent, name, swap);
    } catch (error) {
      // It is to have its own name, and ours is removed.
      renameExchange(swap, target);
      renameSync(swap, path);
      throw error;
    }
  }
  unlinkSync(swap);
  return undefined;
}

/** What cannot be looked at may be anything. */
function isStill(path: Buffer, expected: FileState): boolean {
  try {
    return sameContent(statOf(path), expected);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}

/** Answers the new name, or `undefined` when the file has gone meanwhile. */
function moveAside(parent: Buffer, name: Buffer): Buffer | undefined {
  try {
    return keepBeside(parent, name, joinPath(parent, name));
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
    return undefined;
  }
}

function keepBeside(parent: Buffer, name: Buffer, from: Buffer): Buffer {
  for (let n = 1; ; n++) {
    const candidate = conflictName(name, n);
    if (moveIfAbsent(from, joinPath(parent, candidate))) return candidate;
  }
}

function takeBack(target: Buffer, file: IncomingFile, ours: FileState): void {
  try {
    if (sameContent(statOf(target), ours)) renameSync(target, file.path);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
  }
}
