/** Bytes of simulated files: read, written, and brought to the disk. */
import { promisify } from 'node:util';
import { descriptorOf } from './descriptors.ts';
import { caller, current, Killed, later, type Process, systemError } from './process.ts';

type Callback<Answer extends unknown[]> = (error: Error | null, ...answer: Answer) => void;
/** Of an fsync; anything else is as fast as memory. */
const FSYNC_MS = 20;

export function ftruncateSync(fd: number): void {
  const process = caller('ftruncate');
  process.machine.disk.write(descriptorOf(process, fd, 'ftruncate').inode, 'agent', Buffer.alloc(0));
}

export function writeSync(
  fd: number,
  bytes: Uint8Array | string,
  offset = 0,
  length = bytes.length - offset,
  position?: number,
): number {
  const data = Buffer.from(bytes as Uint8Array).subarray(offset, offset + length);
  return writeNow(caller('write'), fd, data, position);
}

function writeNow(process: Process, fd: number, all: Buffer, position?: number): number {
  const descriptor = descriptorOf(process, fd, 'write');
  const { inode } = descriptor;
  const start = position ?? descriptor.offset;
  const { disk, sim } = process.machine;
  const isShort = all.length > 1 && sim.faults.hits('short write');
  const bytes = isShort ? all.subarray(0, 1 + sim.choices.below(all.length - 1)) : all;
  const grown = Math.max(0, start + bytes.length - inode.data.length);
  if (grown > disk.freeBytes) throw systemError('ENOSPC', 'write', String(fd));
  const data = Buffer.alloc(Math.max(inode.data.length, start + bytes.length));
  inode.data.copy(data);
  bytes.copy(data, start);
  disk.write(inode, 'agent', data);
  descriptor.offset = start + bytes.length;
  return bytes.length;
}

export function readNow(process: Process, fd: number, into: Uint8Array, position: number): number {
  const { data } = descriptorOf(process, fd, 'read').inode;
  return data.copy(into, 0, position, position + into.length);
}

export function fsyncSync(fd: number): void {
  syncNow(current(), fd);
}

/** What it could not write is given up: an fsync that comes after it says that all is well. */
function syncNow(process: Process, fd: number): void {
  const { inode } = descriptorOf(process, fd, 'fsync');
  try {
    caller('fsync');
  } catch (error) {
    if (!(error instanceof Killed)) process.machine.disk.giveUp(inode);
    throw error;
  }
  process.machine.disk.sync(inode);
}

/** Takes effect later, and answers then: the caller may be dead by that time. */
function delayed<Answer>(delayMs: number, effect: (process: Process) => Answer): Promise<Answer> {
  const process = current();
  return new Promise((resolve, reject) => {
    later(process, 1 + process.machine.sim.choices.below(delayMs), () => {
      try {
        resolve(effect(process));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function withCallback<Args extends unknown[], Answer>(
  name: string,
  call: (...args: Args) => Promise<Answer>,
): (...args: [...Args, Callback<[Answer]>]) => void {
  const unused = () => {
    throw new Error(`${name} is called through promisify only`);
  };
  return Object.assign(unused, { [promisify.custom]: call });
}

export const fsync = withCallback('fsync', (fd: number) =>
  delayed(FSYNC_MS, (process) => syncNow(process, fd)),
);

export const read = withCallback(
  'read',
  (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) =>
    delayed(2, () => ({
      bytesRead: readNow(caller('read'), fd, bytes.subarray(offset, offset + length), position),
    })),
);

export const write = withCallback(
  'write',
  (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) =>
    delayed(2, () => ({
      bytesWritten: writeNow(
        caller('write'),
        fd,
        Buffer.from(bytes.subarray(offset, offset + length)),
        position,
      ),
    })),
);

export function fchmodSync(fd: number, mode: number): void {
  const process = caller('fchmod');
  const { inode } = descriptorOf(process, fd, 'fchmod');
  inode.mode = (inode.mode & ~0o7777) | mode;
  process.machine.disk.touch(inode);
}
