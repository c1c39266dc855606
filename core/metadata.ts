/** What travels with each object so that a download can restore and prove the file. */

/** Seconds since 1970 with nine decimals, as rclone writes and reads it: https://rclone.org/s3/#modification-times */
const MTIME = 'mtime';
/** Hex MD5 of the whole object; an ETag is not one for multipart and KMS objects. */
export const MD5_METADATA = 'sluice-md5';

export interface FileFacts {
  mtimeNs: bigint;
  mode: number;
  uid: number;
  gid: number;
  /** Hex. */
  md5: string;
}

/** S3 user metadata, names without `x-amz-meta-`. Mode is octal permission bits. */
export function fileMetadata(facts: FileFacts): Record<string, string> {
  return {
    [MTIME]: formatMtime(facts.mtimeNs),
    mode: (facts.mode & 0o7777).toString(8),
    uid: String(facts.uid),
    gid: String(facts.gid),
    [MD5_METADATA]: facts.md5,
  };
}

function formatMtime(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const rest = ns % 1_000_000_000n;
  if (rest >= 0n) return `${seconds}.${String(rest).padStart(9, '0')}`;
  return `${seconds - 1n}.${String(rest + 1_000_000_000n).padStart(9, '0')}`;
}
