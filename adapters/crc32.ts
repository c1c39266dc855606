/** CRC-32 as S3 writes it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html */
import { crc32 } from 'node:zlib';

export function crc32Base64(body: Uint8Array): string {
  return crc32Text(crc32(body));
}

/** Base64 of the four bytes, the highest first. */
export function crc32Text(sum: number): string {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(sum);
  return bytes.toString('base64');
}
