/** Walks a folder in a worker thread, so that watching and uploading go on while a large tree is read. */
import { unpackFiles } from './scan-batch.ts';
import type { WorkerMessage } from './scan-worker.ts';
import type { FileState } from './tree.ts';
import { startWorker } from './worker.ts';

export interface ScannedFile {
  /** Relative to the root, in bytes. */
  path: Buffer;
  state: FileState;
}

export interface ScanResult {
  files: number;
  /** The root included. */
  directories: number;
  /** No regular files: symlinks, fifos, sockets, devices. */
  skipped: { path: Buffer; reason: string }[];
  /** What could not be read; with one of these, an absent file proves nothing. An empty path is the root. */
  errors: { path: Buffer; code: string }[];
  emptyDirectories: Buffer[];
}

/**
 * Every regular file below the root, in no order, in batches; the walk waits while eight batches are not taken yet.
 * `.sluice` directly in the root is left out. Rejects when `onBatch` does or the worker fails; files and directories
 * that cannot be read are in `errors`, those that vanish meanwhile are left out.
 */
export async function scanTree(
  root: Buffer,
  onBatch: (files: ScannedFile[]) => void | Promise<void>,
): Promise<ScanResult> {
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const worker = startWorker('scan-worker', { workerData: { root: new Uint8Array(root), taken } });
  try {
    return await new Promise((resolve, reject) => {
      let queue = Promise.resolve();
      const enqueue = (action: () => void | Promise<void>) => {
        queue = queue.then(action);
        queue.catch(reject);
      };
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
          await onBatch(unpackFiles(message.batch));
          Atomics.add(taken, 0, 1);
          Atomics.notify(taken, 0);
        });
      });
    });
  } finally {
    worker.removeAllListeners('exit');
    await worker.terminate();
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
