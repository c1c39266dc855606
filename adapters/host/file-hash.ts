/** The hash of a file, as a store would answer it: to tell whether two sides have the same bytes. */
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { SyncError } from '#core/errors.ts';
import { createByteBudget } from '../byte-budget.ts';
import { createContentHash } from './content-hash.ts';
import type { HashAnswer, HashTask } from './hash-worker.ts';
import { startWorker } from './worker.ts';

const readAt = promisify(read);
const BLOCK_BYTES = 1024 * 1024;
/** Starting a thread takes as long as hashing so much. */
const IN_THREAD_FROM_BYTES = 16 * BLOCK_BYTES;
/** Uploads need the processors too. */
const threads = createByteBudget(2);

/**
 * MD5 hex of exactly the first `sizeBytes` (`partBytes` 0), or the ETag of an object sent in parts of `partBytes`.
 * Large files are read by another thread; the descriptor must stay open until then.
 *
 * @throws SyncError `Changed`, retryable, when the file has become shorter; Node's errors when it cannot be read
 */
export async function hashFile(fd: number, sizeBytes: number, partBytes: number): Promise<string> {
  const task: HashTask = { fd, sizeBytes, partBytes };
  const answer =
    sizeBytes >= IN_THREAD_FROM_BYTES
      ? await threads.hold(1, () => hashInThread(task))
      : await hashHere(task);
  if ('hash' in answer) return answer.hash;
  throw new SyncError(`the file ended at byte ${answer.endedAt}; ${sizeBytes} were expected`, {
    op: 'read',
    retryable: true,
    code: 'Changed',
  });
}

async function hashHere({ fd, sizeBytes, partBytes }: HashTask): Promise<HashAnswer> {
  const hash = createContentHash(partBytes);
  const block = Buffer.allocUnsafe(Math.min(sizeBytes, BLOCK_BYTES));
  for (let at = 0; at < sizeBytes; ) {
    const { bytesRead } = await readAt(fd, block, 0, Math.min(block.length, sizeBytes - at), at);
    if (bytesRead === 0) return { endedAt: at };
    hash.update(block.subarray(0, bytesRead));
    at += bytesRead;
  }
  return { hash: hash.digest() };
}

async function hashInThread(task: HashTask): Promise<HashAnswer> {
  const worker = startWorker('hash-worker', { workerData: task });
  return await new Promise<HashAnswer>((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`the hash worker ended early (${code})`)));
  });
}
