/** A thread that reads and hashes, one task after the other, so that large content holds nobody up. */
import { hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { createContentHash } from './content-hash.ts';

/** Threads of a process share their descriptors. */
export type HashTask =
  /** The hash of a whole file, as `createContentHash` has it. */
  | { do: 'hash'; fd: number; sizeBytes: number; partBytes: number }
  /** So many bytes of it, read into the memory. */
  | { do: 'read'; fd: number; start: number; length: number; memory: SharedArrayBuffer };

export type HashAnswer =
  | { hash: string }
  | { md5: string }
  /** The file is shorter than it was. */
  | { endedAt: number }
  | { failed: { message: string; code: string; syscall: string } };

const BLOCK_BYTES = 1024 * 1024;
/** https://man7.org/linux/man-pages/man2/read.2.html: no call reads more. */
const MAX_READ_BYTES = 0x4000_0000;

parentPort?.on('message', (task: HashTask) => {
  parentPort?.postMessage(answered(task));
});

function answered(task: HashTask): HashAnswer {
  try {
    return task.do === 'hash' ? hashOf(task) : readOf(task);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'syscall' in error)) throw error;
    // A copy of an error would come without its code.
    return { failed: { message: error.message, code: String(error.code), syscall: String(error.syscall) } };
  }
}

function hashOf({ fd, sizeBytes, partBytes }: HashTask & { do: 'hash' }): HashAnswer {
  const content = createContentHash(partBytes);
  const block = Buffer.allocUnsafe(Math.min(sizeBytes, BLOCK_BYTES));
  for (let at = 0; at < sizeBytes; ) {
    const bytesRead = readSync(fd, block, 0, Math.min(block.length, sizeBytes - at), at);
    if (bytesRead === 0) return { endedAt: at };
    content.update(block.subarray(0, bytesRead));
    at += bytesRead;
  }
  return { hash: content.digest() };
}

function readOf({ fd, start, length, memory }: HashTask & { do: 'read' }): HashAnswer {
  const bytes = Buffer.from(memory, 0, length);
  for (let done = 0; done < length; ) {
    const most = Math.min(length - done, MAX_READ_BYTES);
    const bytesRead = readSync(fd, bytes, done, most, start + done);
    if (bytesRead === 0) return { endedAt: start + done };
    done += bytesRead;
  }
  return { md5: hash('md5', bytes) };
}
