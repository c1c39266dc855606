/**
 * What polling remembers of a tree: per directory the names of all that is no directory, and per name four numbers
 * that change with the file. Flat bytes, because a folder may hold a million files: 33 bytes and the name for each.
 */
import type { BigIntStats } from 'node:fs';
import { isSystemError, type SystemError } from './libc.ts';
import { joinPath, listDirectory, lstatBig } from './tree.ts';
import { hasVanished, isHidden } from './watch-listing.ts';

interface PollingReport {
  onDirty(path: Buffer): void;
  onGone(path: Buffer): void;
  onProblem(op: string, path: Buffer, error: SystemError): void;
}

export interface PolledTree {
  /** Directories seen the last time. */
  readonly directories: number;
  /**
   * Compares the tree with the last look; at the first everything is new. What cannot be read is a problem and counts
   * as unchanged. A directory that is gone is told once, without what was in it.
   */
  look(report: PollingReport): void;
}

/** One directory at the last look. Names end with NUL and come in the order of the listing. */
interface Seen {
  round: number;
  names: Buffer;
  numbers: BigInt64Array;
}

const FIELDS = 4;
const NUL = Buffer.from([0]);

/** `top` is relative to the root, and so is all that is reported. */
export function polledTree(root: Buffer, top: Buffer): PolledTree {
  const known = new Map<string, Seen>();
  let round = 0;

  function look(report: PollingReport): void {
    round++;
    const pending = [top];
    const unread = new Set<string>();
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      lookAt(next, pending, unread, report);
    }
    tellGone(unread, report);
  }

  function lookAt(directory: Buffer, pending: Buffer[], unread: Set<string>, report: PollingReport): void {
    const listed: Buffer[] = [];
    try {
      listDirectory(joinPath(root, directory), (entry) => {
        const name = Buffer.from(entry.name);
        if (isHidden(directory, name)) return;
        if (entry.isDirectory()) pending.push(joinPath(directory, name));
        else listed.push(name);
      });
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const vanished = hasVanished(error);
      // The root has no parent that could tell of its end: without it nothing is known.
      if (vanished && directory.length > 0) return;
      unread.add(directory.toString('latin1'));
      if (!vanished) report.onProblem('list', directory, error);
      return;
    }
    const key = directory.toString('latin1');
    const before = known.get(key);
    const now = numbersOf(directory, listed, before, pending, report);
    if (before !== undefined && isSame(before, now)) {
      before.round = round;
      return;
    }
    known.set(key, now);
    compare(directory, before, now, report);
  }

  function numbersOf(
    directory: Buffer,
    listed: readonly Buffer[],
    before: Seen | undefined,
    pending: Buffer[],
    report: PollingReport,
  ): Seen {
    const names: Buffer[] = [];
    const numbers: bigint[] = [];
    for (const name of listed) {
      const path = joinPath(directory, name);
      try {
        const stat = lstatBig(joinPath(root, path));
        if (stat.isDirectory()) {
          pending.push(path);
          continue;
        }
        numbers.push(...fieldsOf(stat));
      } catch (error) {
        if (!isSystemError(error)) throw error;
        if (hasVanished(error)) continue;
        report.onProblem('stat', path, error);
        const last = before === undefined ? undefined : entriesOf(before).get(name.toString('latin1'));
        if (last === undefined) continue;
        numbers.push(...last);
      }
      names.push(name, NUL);
    }
    return { round, names: ownBytes(names), numbers: BigInt64Array.from(numbers) };
  }

  function tellGone(unread: ReadonlySet<string>, report: PollingReport): void {
    const gone = new Set<string>();
    for (const [key, seen] of known) {
      if (seen.round !== round && !within(key, unread)) gone.add(key);
    }
    for (const key of gone) {
      known.delete(key);
      if (!gone.has(parentOf(key)) || key === '') report.onGone(Buffer.from(key, 'latin1'));
    }
  }

  return {
    get directories() {
      return known.size;
    },
    look,
  };
}

function isSame(before: Seen, now: Seen): boolean {
  return before.names.equals(now.names) && sameNumbers(before.numbers, now.numbers);
}

function compare(directory: Buffer, before: Seen | undefined, now: Seen, report: PollingReport): void {
  const old = before === undefined ? new Map<string, BigInt64Array>() : entriesOf(before);
  for (const [name, numbers] of entriesOf(now)) {
    const last = old.get(name);
    if (last === undefined || !sameNumbers(last, numbers)) {
      report.onDirty(joinPath(directory, Buffer.from(name, 'latin1')));
    }
    old.delete(name);
  }
  for (const name of old.keys()) report.onGone(joinPath(directory, Buffer.from(name, 'latin1')));
}

function fieldsOf(stat: BigIntStats): bigint[] {
  return [BigInt.asIntN(64, stat.ino), stat.size, stat.mtimeNs, stat.ctimeNs];
}

function entriesOf({ names, numbers }: Seen): Map<string, BigInt64Array> {
  const entries = new Map<string, BigInt64Array>();
  for (let start = 0, field = 0; start < names.length; field += FIELDS) {
    const end = names.indexOf(0, start);
    entries.set(names.toString('latin1', start, end), numbers.subarray(field, field + FIELDS));
    start = end + 1;
  }
  return entries;
}

function sameNumbers(left: BigInt64Array, right: BigInt64Array): boolean {
  return left.length === right.length && left.every((number, index) => number === right[index]);
}

/** Kept for long: not a part of the shared pool, which would keep a whole slab each. */
function ownBytes(parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) at += part.copy(bytes, at);
  return bytes;
}

function parentOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf('/')));
}

function within(key: string, unread: ReadonlySet<string>): boolean {
  if (unread.size === 0) return false;
  for (let above = key; above !== ''; above = parentOf(above)) {
    if (unread.has(above)) return true;
  }
  return unread.has('');
}
