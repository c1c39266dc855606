/** Scanned files between threads: runs of bytes are moved, thousands of objects would be copied. */
import { fingerprintOf, STAMP_BYTES } from './stamp.ts';
import type { FileState } from './tree.ts';

export interface ScannedFile {
  /** Relative to the root, in bytes. */
  path: Buffer;
  state: FileState;
}

/** What a file has beside its path: its stamp, then mode, uid, gid and link count as 32-bit words. */
export const STATE_BYTES = STAMP_BYTES + 16;

/** Each path is ended by a NUL, and followed by the state when there is one. */
export function unpackFiles(batch: Uint8Array): ScannedFile[] {
  const files: ScannedFile[] = [];
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength);
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    files.push({ path: bytes.subarray(start, end), state: stateAt(bytes, end + 1) });
    start = end + 1 + STATE_BYTES;
  }
  return files;
}

export function unpackPaths(batch: Uint8Array): Buffer[] {
  const paths: Buffer[] = [];
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength);
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    paths.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return paths;
}

function stateAt(bytes: Buffer, at: number): FileState {
  const word = (index: number) => bytes.readUInt32LE(at + STAMP_BYTES + 4 * index);
  return {
    ...fingerprintOf(bytes.subarray(at, at + STAMP_BYTES)),
    mode: word(0),
    uid: word(1),
    gid: word(2),
    nlink: word(3),
  };
}
