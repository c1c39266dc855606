/** Walks a folder in a worker thread, so that watching and uploading go on while a large tree is read. */
import { type ScannedFile, unpackFiles, unpackPaths } from './scan-batch.ts';
import { startWorker } from './worker.ts';

export type { ScannedFile } from './scan-batch.ts';

export interface ScanResult {
  files: number;
  /** The root included. */
  directories: number;
  /** No regular files: symlinks, fifos, sockets, devices. */
  skipped: { path: Buffer; reason: string }[];
  /** What could not be read; with one of these, an absent file proves nothing. An empty path is the root. */
  errors: { path: Buffer; code: string }[];
  /** Of `scanTree` alone. */
  emptyDirectories: Buffer[];
}

export interface IndexedFolder {
  indexFile: string;
  folder: string;
  /** Whether a file that is as its row says is left out. */
  trusted: boolean;
}

/** For the worker. */
export interface ScanRequest {
  root: Uint8Array;
  /** How many batches have been taken; and whether nobody wants more, as 1. */
  told: Int32Array<SharedArrayBuffer>;
  rows?: IndexedFolder;
}

export type WorkerMessage = { batch: Uint8Array<ArrayBuffer> } | { result: ScanResult };

/**
 * Every regular file below the root, in byte order of path, in batches; the walk waits while eight batches are not
 * taken yet. `.sluice` directly in the root is left out. Rejects when `onBatch` does or the worker fails; files and
 * directories that cannot be read are in `errors`, those that vanish meanwhile are left out.
 */
export function scanTree(
  root: Buffer,
  onBatch: (files: ScannedFile[]) => void | Promise<void>,
): Promise<ScanResult> {
  return scan({ root }, (batch) => onBatch(unpackFiles(batch)));
}

/**
 * The paths of files that differ from their rows or have none, and of rows that have no file, in byte order; as
 * `scanTree` otherwise. What lies in a directory that cannot be read is left out. It compares with what the index has
 * on disk, so `flush` it before; what is written meanwhile may be told although it is as its row says.
 *
 * @param signal the scan ends early, and rejects with its reason, when it is aborted
 */
export function scanChanges(
  root: Buffer,
  rows: IndexedFolder,
  onPaths: (paths: Buffer[]) => void | Promise<void>,
  signal: AbortSignal,
): Promise<ScanResult> {
  return scan({ root, rows }, (batch) => onPaths(unpackPaths(batch)), signal);
}

async function scan(
  request: { root: Buffer; rows?: IndexedFolder },
  onBatch: (batch: Uint8Array) => void | Promise<void>,
  signal?: AbortSignal,
): Promise<ScanResult> {
  signal?.throwIfAborted();
  const told = new Int32Array(new SharedArrayBuffer(8));
  const workerData: ScanRequest = { ...request, root: new Uint8Array(request.root), told };
  const worker = startWorker('scan-worker', { workerData });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  let abort = () => {};
  try {
    return await new Promise((resolve, reject) => {
      let queue = Promise.resolve();
      const enqueue = (action: () => void | Promise<void>) => {
        queue = queue.then(action);
        queue.catch(reject);
      };
      abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort);
      worker.on('error', reject);
      worker.on('exit', (code) => {
        // The worker is done before its last batches are taken: only a result that never came is a failure.
        enqueue(() => reject(new Error(`the scan worker ended early (${code})`)));
      });
      worker.on('message', (message: WorkerMessage) => {
        enqueue(async () => {
          if ('result' in message) {
            resolve(buffered(message.result));
            return;
          }
          await onBatch(message.batch);
          Atomics.add(told, 0, 1);
          Atomics.notify(told, 0);
        });
      });
    });
  } finally {
    signal?.removeEventListener('abort', abort);
    worker.removeAllListeners('message');
    Atomics.store(told, 1, 1);
    // Else the worker could begin to wait just now, and nobody would wake it.
    Atomics.add(told, 0, 1);
    Atomics.notify(told, 0);
    await ended;
  }
}

/** Buffers arrive from a worker as plain Uint8Arrays. */
function buffered(result: ScanResult): ScanResult {
  return {
    ...result,
    skipped: result.skipped.map((entry) => ({ ...entry, path: Buffer.from(entry.path) })),
    errors: result.errors.map((entry) => ({ ...entry, path: Buffer.from(entry.path) })),
    emptyDirectories: result.emptyDirectories.map((path) => Buffer.from(path)),
  };
}
