/** The worker of `hashFile`: reads and hashes one file, so that hashing a large one holds nobody up. */
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { createContentHash } from './content-hash.ts';

export interface HashTask {
  /** Threads of a process share their descriptors. */
  fd: number;
  sizeBytes: number;
  partBytes: number;
}

export type HashAnswer = { hash: string } | { endedAt: number };

const BLOCK_BYTES = 1024 * 1024;

parentPort?.postMessage(hash(workerData as HashTask));

function hash({ fd, sizeBytes, partBytes }: HashTask): HashAnswer {
  const content = createContentHash(partBytes);
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  for (let at = 0; at < sizeBytes; ) {
    const bytesRead = readSync(fd, block, 0, Math.min(BLOCK_BYTES, sizeBytes - at), at);
    if (bytesRead === 0) return { endedAt: at };
    content.update(block.subarray(0, bytesRead));
    at += bytesRead;
  }
  return { hash: content.digest() };
}
