/**
 * The worker of `scanTree`: a plain synchronous walk. Synchronous calls on directories and files are several times
 * faster than the promise API, and here they block nobody.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { isSystemError } from './libc.ts';
import type { ScannedFile, ScanResult } from './scan.ts';
import { type PackedFiles, packFiles } from './scan-batch.ts';
import { HIDDEN_DIRECTORY, joinPath, listDirectory, lstatBig, skipReason, stateOf } from './tree.ts';

export type WorkerMessage = { batch: PackedFiles } | { result: ScanResult };

const BATCH_FILES = 1000;
const MAX_BATCHES_AHEAD = 8;
const HIDDEN = Buffer.from(HIDDEN_DIRECTORY);

const { root: rootBytes, taken } = workerData as { root: Uint8Array; taken: Int32Array<SharedArrayBuffer> };
const root = Buffer.from(rootBytes);
const result: ScanResult = { files: 0, directories: 0, skipped: [], errors: [], emptyDirectories: [] };
const pending: Buffer[] = [Buffer.alloc(0)];
let batch: ScannedFile[] = [];
let batches = 0;

for (let next = pending.pop(); next !== undefined; next = pending.pop()) walk(next);
sendBatch();
parentPort?.postMessage({ result } satisfies WorkerMessage);

function walk(directory: Buffer): void {
  let entries = 0;
  try {
    listDirectory(joinPath(root, directory), (entry) => {
      entries++;
      if (directory.length === 0 && entry.name.equals(HIDDEN)) return;
      const path = joinPath(directory, Buffer.from(entry.name));
      if (entry.isDirectory()) pending.push(path);
      else visit(path);
    });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    // Removed since its parent was listed. The root has no parent: without it nothing is known.
    if (directory.length > 0 && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return;
    result.errors.push({ path: directory, code: error.code });
    return;
  }
  result.directories++;
  if (entries === 0) result.emptyDirectories.push(directory);
}

function visit(path: Buffer): void {
  try {
    const stat = lstatBig(joinPath(root, path));
    const reason = skipReason(stat);
    if (reason === 'directory') pending.push(path);
    else if (reason !== undefined) result.skipped.push({ path, reason });
    else {
      result.files++;
      batch.push({ path, state: stateOf(stat) });
      if (batch.length >= BATCH_FILES) sendBatch();
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') result.errors.push({ path, code: error.code });
  }
}

function sendBatch(): void {
  if (batch.length === 0) return;
  const packed = packFiles(batch);
  parentPort?.postMessage({ batch: packed } satisfies WorkerMessage, [
    packed.numbers.buffer,
    packed.names.buffer,
  ]);
  batch = [];
  batches++;
  for (let done = Atomics.load(taken, 0); batches - done > MAX_BATCHES_AHEAD; done = Atomics.load(taken, 0)) {
    Atomics.wait(taken, 0, done);
  }
}
