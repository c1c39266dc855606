/**
 * The worker of `scanTree` and `scanChanges`: a plain synchronous walk, which is several times faster than the promise
 * API and blocks nobody here. What is found goes out in batches; the walk waits while eight of them are not taken yet.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { EntryKind, Seen } from './directory-reader.ts';
import { openRowCursor, type RowCursor } from './row-cursor.ts';
import type { IndexedFolder, ScanRequest, ScanResult, WorkerMessage } from './scan.ts';
import { STATE_BYTES } from './scan-batch.ts';
import { STAMP_BYTES } from './stamp.ts';
import { joinPath } from './tree.ts';
import { type Look, type TreeVisitor, walkTree } from './walk.ts';

const BATCH_ENTRIES = 1000;
const BATCH_BYTES = 256 * 1024;
/** More than a path and its state can have. */
const ENTRY_BYTES = 16 * 1024;
const MAX_BATCHES_AHEAD = 8;

const { root, told, rows: wanted } = workerData as ScanRequest;
const result: ScanResult = { files: 0, directories: 0, skipped: [], errors: [], emptyDirectories: [] };
const batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
let used = 0;
let entries = 0;
let batches = 0;

class Unwanted extends Error {}

try {
  if (wanted === undefined) walkTree(Buffer.from(root), everyFile());
  else walkChanges(wanted);
  sendBatch();
  parentPort?.postMessage({ result } satisfies WorkerMessage);
} catch (error) {
  if (!(error instanceof Unwanted)) throw error;
}

function walkChanges({ indexFile, folder, trusted }: IndexedFolder): void {
  const rows = openRowCursor(indexFile, folder);
  try {
    walkTree(Buffer.from(root), changedFiles(rows, trusted));
    if (result.errors.every(({ path }) => path.length > 0)) tellRowsUpTo(rows, undefined);
  } finally {
    rows.close();
  }
}

/** Who started this thread must not terminate it: `startWorker`. */
function requireWanted(): void {
  if (Atomics.load(told, 1) === 1) throw new Unwanted();
}

function everyFile(): TreeVisitor {
  return {
    entry(path, length, kind, look) {
      requireWanted();
      if (isOdd(path, length, kind)) return;
      const seen = look();
      if (seen === 'gone' || isFailure(path, length, seen) || isOdd(path, length, seen.kind)) return;
      result.files++;
      tell(path, length, seen);
    },
    directory(path, count) {
      requireWanted();
      result.directories++;
      if (count === 0) result.emptyDirectories.push(path);
    },
    unlisted: (path, code) => void result.errors.push({ path, code }),
  };
}

/** Tells a path when its file differs from its row, when it has no row, and when its row has no file. */
function changedFiles(rows: RowCursor, trusted: boolean): TreeVisitor {
  function visitFile(path: Buffer, length: number, known: boolean, look: Look): void {
    result.files++;
    const seen = known && trusted ? look() : 'gone';
    if (seen !== 'gone' && (isFailure(path, length, seen) || rows.isSynced(seen.stamp))) return;
    tell(path, length);
  }

  return {
    entry(path, length, kind, look) {
      requireWanted();
      tellRowsUpTo(rows, path);
      const known = !rows.ended && rows.compare(path) === 0;
      if (!isOdd(path, length, kind)) visitFile(path, length, known, look);
      if (known) rows.next();
    },
    directory() {
      requireWanted();
      result.directories++;
    },
    unlisted(path, code) {
      result.errors.push({ path, code });
      passOver(rows, path);
    },
  };
}

/** What is left of the rows has no file: the tree is past their place. Without a path: to the end. */
function tellRowsUpTo(rows: RowCursor, path: Buffer | undefined): void {
  while (!rows.ended && (path === undefined || rows.compare(path) < 0)) {
    const gone = rows.path();
    tell(gone, gone.length);
    rows.next();
  }
}

/** Nothing is concluded for what lies in a directory that cannot be read. */
function passOver(rows: RowCursor, directory: Buffer): void {
  if (directory.length === 0) return;
  const below = joinPath(directory, Buffer.of(0));
  tellRowsUpTo(rows, below);
  const prefix = below.subarray(0, -1);
  while (!rows.ended && rows.path().subarray(0, prefix.length).equals(prefix)) rows.next();
}

function isFailure(path: Buffer, length: number, seen: Seen | { code: string }): seen is { code: string } {
  if (!('code' in seen)) return false;
  result.errors.push({ path: Buffer.from(path.subarray(0, length)), code: seen.code });
  return true;
}

function isOdd(path: Buffer, length: number, kind: EntryKind): boolean {
  if (kind === 'file') return false;
  result.skipped.push({ path: Buffer.from(path.subarray(0, length)), reason: kind });
  return true;
}

function tell(path: Buffer, length: number, seen?: Seen): void {
  used += path.copy(batch, used, 0, length);
  batch[used++] = 0;
  if (seen !== undefined) {
    seen.stamp.copy(batch, used);
    [seen.mode, seen.uid, seen.gid, seen.nlink].forEach((word, index) => {
      batch.writeUInt32LE(word, used + STAMP_BYTES + 4 * index);
    });
    used += STATE_BYTES;
  }
  if (++entries >= BATCH_ENTRIES || used > BATCH_BYTES - ENTRY_BYTES) sendBatch();
}

function sendBatch(): void {
  if (entries === 0) return;
  const bytes = Uint8Array.from(batch.subarray(0, used));
  parentPort?.postMessage({ batch: bytes } satisfies WorkerMessage, [bytes.buffer]);
  used = 0;
  entries = 0;
  batches++;
  for (let done = Atomics.load(told, 0); batches - done > MAX_BATCHES_AHEAD; done = Atomics.load(told, 0)) {
    requireWanted();
    Atomics.wait(told, 0, done);
  }
}
