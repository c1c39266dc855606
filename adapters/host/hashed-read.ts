/** Bytes of a file with their checksums, read by another thread into memory that both see and that is used again. */
import { SyncError } from '#core/errors.ts';
import type { BodySums } from '#core/ports.ts';
import { inHashThread } from './hash-threads.ts';

/** Of memory that nobody uses; fresh memory costs more than reading into it, and the collector gives it back late. */
const KEPT_BYTES = 64 * 1024 * 1024;
/** Memory so much larger than what is read would be wasted on it. */
const MAX_WASTE = 4;

const kept: SharedArrayBuffer[] = [];
let inUse = 0;

/**
 * Reads exactly `length` bytes from `start` and hands them to `use`, with their checksums; when that has ended they are
 * overwritten.
 *
 * @throws SyncError `Changed`, retryable, when the file has become shorter; Node's errors when it cannot be read
 */
export async function withHashed<Result>(
  fd: number,
  { start, length }: { start: number; length: number },
  use: (bytes: Buffer, sums: Required<BodySums>) => Promise<Result>,
): Promise<Result> {
  const memory = takeMemory(length);
  inUse++;
  try {
    const answer = await inHashThread({ do: 'read', fd, start, length, memory });
    if ('md5' in answer) return await use(Buffer.from(memory, 0, length), answer);
    throw changed(start + length, 'endedAt' in answer ? answer.endedAt : start);
  } finally {
    inUse--;
    keep(memory);
  }
}

function takeMemory(length: number): SharedArrayBuffer {
  const at = kept.findIndex(({ byteLength }) => byteLength >= length && byteLength <= length * MAX_WASTE);
  const [memory = new SharedArrayBuffer(length)] = at === -1 ? [] : kept.splice(at, 1);
  return memory;
}

function keep(memory: SharedArrayBuffer): void {
  kept.push(memory);
  let bytes = kept.reduce((sum, { byteLength }) => sum + byteLength, 0);
  while (bytes > KEPT_BYTES) bytes -= kept.shift()?.byteLength ?? bytes;
  if (inUse === 0) kept.length = 0;
}

function changed(expectedBytes: number, endedAt: number): SyncError {
  return new SyncError(`the file ended at byte ${endedAt}; ${expectedBytes} were expected`, {
    op: 'read',
    retryable: true,
    code: 'Changed',
  });
}
