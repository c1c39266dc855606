/** A thread that reads and hashes, as much side by side as it can, so that large content holds nobody up. */
import { readSync } from 'node:fs';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { compositeEtag } from '../composite-etag.ts';
import { crc32Text } from '../crc32.ts';
import { createMd5Lanes, type Md5Stream } from './md5-lanes.ts';

/** Threads of a process share their descriptors. */
export type HashTask =
  /** The hash of a whole file, as `createContentHash` has it. */
  | { do: 'hash'; fd: number; sizeBytes: number; partBytes: number }
  /** So many bytes of it, read into the memory. */
  | { do: 'read'; fd: number; start: number; length: number; memory: SharedArrayBuffer };

/** `id` is the sender's. */
export type HashOrder = HashTask & { id: number };

export type HashAnswer =
  | { hash: string }
  /** Of what was read: hex, and base64. */
  | { md5: string; crc32: string }
  /** The file is shorter than it was. */
  | { endedAt: number }
  | { failed: { message: string; code: string; syscall: string } };

type Answer = (answer: HashAnswer) => void;

/** A multiple of what MD5 takes at once; what was read is still near the core when it is hashed. */
const READ_BYTES = 256 * 1024;

const lanes = createMd5Lanes();
/** Uploads wait for what is read; it goes before what is only compared. */
const reads: Md5Stream[] = [];
const hashes: Md5Stream[] = [];
let working = false;

parentPort?.on('message', (order: HashOrder) => {
  accept(order);
  if (!working) work();
});

function work(): void {
  working = true;
  do {
    for (let more = received(); more !== undefined; more = received()) accept(more);
    while (lanes.free()) {
      const next = reads.shift() ?? hashes.shift();
      if (next === undefined) break;
      lanes.begin(next);
    }
    lanes.step();
  } while (lanes.busy() || reads.length + hashes.length > 0);
  working = false;
}

function received(): HashOrder | undefined {
  return parentPort === null ? undefined : receiveMessageOnPort(parentPort)?.message;
}

function accept(order: HashOrder): void {
  const answer: Answer = (found) => parentPort?.postMessage({ id: order.id, ...found });
  if (order.do === 'read') reads.push(reading(order, answer));
  else hashes.push(...hashing(order, answer));
}

function reading({ fd, start, length, memory }: HashTask & { do: 'read' }, answer: Answer): Md5Stream {
  const bytes = Buffer.from(memory, 0, length);
  let at = 0;
  let sum = 0;
  return {
    read() {
      const piece = bytes.subarray(at, at + READ_BYTES);
      fill(fd, piece, start + at);
      at += piece.length;
      sum = crc32(piece, sum);
      return piece;
    },
    done: (md5) => answer({ md5, crc32: crc32Text(sum) }),
    failed: (error) => answer(failure(error)),
  };
}

/** Each part is a stream of its own; the first that fails speaks for all. */
function hashing({ fd, sizeBytes, partBytes }: HashTask & { do: 'hash' }, answer: Answer): Md5Stream[] {
  const count = partBytes === 0 ? 1 : Math.max(1, Math.ceil(sizeBytes / partBytes));
  const md5s = new Map<number, Buffer>();
  let answered = false;
  return Array.from({ length: count }, (_, part): Md5Stream => {
    let at = part * partBytes;
    const end = partBytes === 0 ? sizeBytes : Math.min(at + partBytes, sizeBytes);
    let block = Buffer.alloc(0);
    return {
      read() {
        if (answered) return block.subarray(0, 0);
        if (block.length === 0) block = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - at));
        const piece = block.subarray(0, end - at);
        fill(fd, piece, at);
        at += piece.length;
        return piece;
      },
      done(md5) {
        md5s.set(part, Buffer.from(md5, 'hex'));
        if (answered || md5s.size < count) return;
        const inOrder = Array.from({ length: count }, (_, each) => md5s.get(each) ?? Buffer.alloc(0));
        answer({ hash: partBytes === 0 ? md5 : compositeEtag(inOrder) });
      },
      failed(error) {
        if (!answered) answer(failure(error));
        answered = true;
      },
    };
  });
}

/** @throws EndedEarly, and Node's errors */
function fill(fd: number, piece: Buffer, start: number): void {
  for (let done = 0; done < piece.length; ) {
    const bytesRead = readSync(fd, piece, done, piece.length - done, start + done);
    if (bytesRead === 0) throw new EndedEarly(start + done);
    done += bytesRead;
  }
}

class EndedEarly extends Error {
  readonly endedAt: number;

  constructor(endedAt: number) {
    super(`the file ends at byte ${endedAt}`);
    this.endedAt = endedAt;
  }
}

/** A copy of an error would come to the other thread without its code. */
function failure(error: unknown): HashAnswer {
  if (error instanceof EndedEarly) return { endedAt: error.endedAt };
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) throw error;
  return { failed: { message: error.message, code: String(error.code), syscall: String(error.syscall) } };
}
