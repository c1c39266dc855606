/** What travels with each object so that a download can restore and prove the file. */
import { MAX_PART_BYTES } from './parts.ts';

/** Seconds since 1970, as rclone writes and reads it: https://rclone.org/s3/#modification-times */
const MTIME = 'mtime';
/** As mtime, and as s3fs names it: of all states of a file, which one is in the object, whatever mtime somebody gave it. */
export const CTIME_METADATA = 'ctime';
/** Hex MD5 of the whole object; an ETag is not one for multipart and KMS objects. */
export const MD5_METADATA = 'sluice-md5';
/** Size of all parts but the last; with it the ETag of a multipart object can be computed from a file. */
const PART_BYTES = 'sluice-part-bytes';

export interface FileFacts {
  mtimeNs?: bigint;
  ctimeNs?: bigint;
  /** Permission bits; above them may be the file type, which does not travel. */
  mode?: number;
  uid?: number;
  gid?: number;
  /** Hex; empty when only the MD5 of the parts is known. */
  md5?: string;
  /** 0 when the object was sent whole. */
  partBytes?: number;
}

/** The largest ids; the one above means "none": https://man7.org/linux/man-pages/man2/chown.2.html */
const MAX_ID = 2 ** 32 - 2;
const INT64 = 2n ** 63n;

/** S3 user metadata, names without `x-amz-meta-`. Mode is octal permission bits. */
export function fileMetadata(facts: FileFacts): Record<string, string> {
  const { mtimeNs, ctimeNs, mode, uid, gid, md5 = '', partBytes = 0 } = facts;
  return {
    ...(mtimeNs === undefined ? {} : { [MTIME]: formatTime(mtimeNs) }),
    ...(ctimeNs === undefined ? {} : { [CTIME_METADATA]: formatTime(ctimeNs) }),
    ...(mode === undefined ? {} : { mode: (mode & 0o7777).toString(8) }),
    ...(uid === undefined ? {} : { uid: String(uid) }),
    ...(gid === undefined ? {} : { gid: String(gid) }),
    ...(md5 === '' ? {} : { [MD5_METADATA]: md5 }),
    ...(partBytes === 0 ? {} : { [PART_BYTES]: String(partBytes) }),
  };
}

/** What metadata says of a file. Anybody can write metadata: a value that is not what it should be is left out. */
export function parseFileMetadata(metadata: Readonly<Record<string, string>>): FileFacts {
  const facts: FileFacts = {};
  const mtimeNs = parseTime(metadata[MTIME] ?? '');
  const ctimeNs = parseTime(metadata[CTIME_METADATA] ?? '');
  const mode = metadata.mode ?? '';
  const [uid, gid] = [numberUpTo(metadata.uid, MAX_ID), numberUpTo(metadata.gid, MAX_ID)];
  const md5 = metadata[MD5_METADATA] ?? '';
  const partBytes = numberUpTo(metadata[PART_BYTES], MAX_PART_BYTES);
  if (mtimeNs !== undefined) facts.mtimeNs = mtimeNs;
  if (ctimeNs !== undefined) facts.ctimeNs = ctimeNs;
  // rclone writes the file type too.
  if (/^[0-7]{1,7}$/.test(mode)) facts.mode = Number.parseInt(mode, 8) & 0o7777;
  if (uid !== undefined) facts.uid = uid;
  if (gid !== undefined) facts.gid = gid;
  if (/^[0-9a-f]{32}$/.test(md5)) facts.md5 = md5;
  if (partBytes !== undefined && partBytes > 0) facts.partBytes = partBytes;
  return facts;
}

/** Seconds with nine decimals; the sign is that of the whole, as rclone has it. */
export function formatTime(ns: bigint): string {
  const [sign, size] = ns < 0n ? ['-', -ns] : ['', ns];
  return `${sign}${size / 1_000_000_000n}.${String(size % 1_000_000_000n).padStart(9, '0')}`;
}

/** More decimals than nine are cut off, and what 64 bits cannot hold is no time. */
function parseTime(text: string): bigint | undefined {
  const [, sign, seconds = '', decimals = ''] = /^(-?)(\d{1,12})(?:\.(\d{1,30}))?$/.exec(text) ?? [];
  if (seconds === '') return undefined;
  const size = BigInt(seconds) * 1_000_000_000n + BigInt(decimals.slice(0, 9).padEnd(9, '0'));
  const ns = sign === '-' ? -size : size;
  return ns >= -INT64 && ns < INT64 ? ns : undefined;
}

function numberUpTo(text: string | undefined, most: number): number | undefined {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= most ? number : undefined;
}
