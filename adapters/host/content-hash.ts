/** What a store's ETag is for content that it keeps plain, computed from the bytes. */
import { createHash } from 'node:crypto';
import { compositeEtag } from '../composite-etag.ts';

export interface ContentHash {
  update(chunk: Uint8Array): void;
  /** Hex MD5, or with parts `<hex>-<count>`. Once. */
  digest(): string;
}

/**
 * `partBytes` 0: the MD5 of the content. Else the MD5 of its parts' MD5s, as a store answers for an upload in parts of
 * that size: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
 */
export function createContentHash(partBytes: number): ContentHash {
  const limit = partBytes === 0 ? Number.POSITIVE_INFINITY : partBytes;
  const parts: Buffer[] = [];
  let part = createHash('md5');
  let inPart = 0;

  return {
    update(chunk) {
      for (let at = 0; at < chunk.length; ) {
        if (inPart === limit) {
          parts.push(part.digest());
          part = createHash('md5');
          inPart = 0;
        }
        const piece = chunk.subarray(at, at + (limit - inPart));
        part.update(piece);
        inPart += piece.length;
        at += piece.length;
      }
    },
    digest() {
      if (partBytes === 0) return part.digest('hex');
      return compositeEtag([...parts, part.digest()]);
    },
  };
}
