/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html */
import { createHash } from 'node:crypto';

/** The ETag of an object that was joined of parts with these MD5s. */
export function compositeEtag(md5s: readonly Uint8Array[]): string {
  const tags = createHash('md5');
  for (const md5 of md5s) tags.update(md5);
  return `${tags.digest('hex')}-${md5s.length}`;
}
