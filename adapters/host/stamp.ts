/**
 * A fingerprint as bytes: the index keeps it so, a scan fills it from the kernel's answer, and two of them are compared
 * without a single BigInt. 32-bit words, little-endian: device (major, minor), inode, size, seconds of mtime and ctime,
 * nanoseconds of both.
 */
import type { Fingerprint } from './tree.ts';

export const STAMP_BYTES = 48;
/** Device and inode come first: so many bytes tell which file it is. */
export const INODE_BYTES = 16;

const NS_PER_SECOND = 1_000_000_000n;

export function stampOf({ dev, ino, sizeBytes, mtimeNs, ctimeNs }: Fingerprint): Buffer {
  const stamp = Buffer.allocUnsafe(STAMP_BYTES);
  writeInode(stamp, dev, ino);
  stamp.writeBigUInt64LE(BigInt(sizeBytes), 16);
  writeTime(stamp, mtimeNs, 24, 40);
  writeTime(stamp, ctimeNs, 32, 44);
  return stamp;
}

/** The first `INODE_BYTES` of its stamp. */
export function inodeStampOf(dev: bigint, ino: bigint): Buffer {
  const stamp = Buffer.allocUnsafe(INODE_BYTES);
  writeInode(stamp, dev, ino);
  return stamp;
}

export function fingerprintOf(stamp: Uint8Array): Fingerprint {
  const view = new DataView(stamp.buffer, stamp.byteOffset, stamp.byteLength);
  return {
    dev: deviceOf(view.getUint32(0, true), view.getUint32(4, true)),
    ino: view.getBigUint64(8, true),
    sizeBytes: Number(view.getBigUint64(16, true)),
    mtimeNs: timeOf(view, 24, 40),
    ctimeNs: timeOf(view, 32, 44),
  };
}

/** As stat(2) and Node give it: https://man7.org/linux/man-pages/man3/makedev.3.html */
function deviceOf(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xffff_f000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffff_ff00n) << 12n) | (low & 0xffn)
  );
}

function writeInode(stamp: Buffer, dev: bigint, ino: bigint): void {
  stamp.writeUInt32LE(Number(((dev >> 32n) & 0xffff_f000n) | ((dev >> 8n) & 0xfffn)), 0);
  stamp.writeUInt32LE(Number(((dev >> 12n) & 0xffff_ff00n) | (dev & 0xffn)), 4);
  stamp.writeBigUInt64LE(ino, 8);
}

function writeTime(stamp: Buffer, timeNs: bigint, secondsAt: number, nsAt: number): void {
  const ns = ((timeNs % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  stamp.writeBigInt64LE((timeNs - ns) / NS_PER_SECOND, secondsAt);
  stamp.writeUInt32LE(Number(ns), nsAt);
}

function timeOf(view: DataView, secondsAt: number, nsAt: number): bigint {
  return view.getBigInt64(secondsAt, true) * NS_PER_SECOND + BigInt(view.getUint32(nsAt, true));
}
