/** The hash of a file, as a store would answer it: to tell whether two sides have the same bytes. */
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { SyncError } from '#core/errors.ts';
import { createContentHash } from './content-hash.ts';
import { inHashThread } from './hash-threads.ts';

const readAt = promisify(read);
const BLOCK_BYTES = 1024 * 1024;
/** Less is hashed before another thread has answered. */
const IN_THREAD_FROM_BYTES = BLOCK_BYTES;

/**
 * MD5 hex of exactly the first `sizeBytes` (`partBytes` 0), or the ETag of an object sent in parts of `partBytes`.
 * Large files are read by another thread; the descriptor must stay open until then.
 *
 * @throws SyncError `Changed`, retryable, when the file has become shorter; Node's errors when it cannot be read
 */
export async function hashFile(fd: number, sizeBytes: number, partBytes: number): Promise<string> {
  const answer =
    sizeBytes >= IN_THREAD_FROM_BYTES
      ? await inHashThread({ do: 'hash', fd, sizeBytes, partBytes })
      : await hashHere(fd, sizeBytes, partBytes);
  if ('hash' in answer) return answer.hash;
  const endedAt = 'endedAt' in answer ? answer.endedAt : 0;
  throw new SyncError(`the file ended at byte ${endedAt}; ${sizeBytes} were expected`, {
    op: 'read',
    retryable: true,
    code: 'Changed',
  });
}

async function hashHere(
  fd: number,
  sizeBytes: number,
  partBytes: number,
): Promise<{ hash: string } | { endedAt: number }> {
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
