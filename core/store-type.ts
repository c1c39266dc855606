/** What the kinds of S3-compatible stores are known to do otherwise; everything else is probed or asked. */

export const STORE_TYPES = ['aws', 'minio', 'b2', 'wasabi', 'spaces', 'r2', 'other'] as const;
export type StoreType = (typeof STORE_TYPES)[number];

export interface StoreQuirks {
  addressing: 'path' | 'virtual';
  /** Takes `x-amz-checksum-crc32` and refuses a body that does not match; MD5 is sent to all. */
  crc32: boolean;
  /** Keeps object tags; the others answer NotImplemented, or refuse the whole request. */
  tags: boolean;
  /** Says with each object it answers how many tags that has. */
  tagCount: boolean;
}

/**
 * CRC-32 is left out where it is not needed: each request carries MD5, which all of them check.
 *
 * - b2: refuses `x-amz-tagging`; https://www.backblaze.com/apidocs/s3-put-object
 * - wasabi: recommends path style, https://docs.wasabi.com/docs/rest-api-introduction; keeps tags,
 *   https://docs.wasabi.com/docs/object-tagging-with-the-wasabi-s3-api
 * - spaces: keeps tags; https://docs.digitalocean.com/reference/api/spaces-api/
 * - r2: knows no tags; https://developers.cloudflare.com/r2/api/s3/api/
 * - minio: seen in tests, with letters outside ASCII refused in tags
 */
const QUIRKS: Readonly<Record<StoreType, StoreQuirks>> = {
  aws: { addressing: 'virtual', crc32: true, tags: true, tagCount: true },
  minio: { addressing: 'path', crc32: true, tags: true, tagCount: true },
  b2: { addressing: 'path', crc32: false, tags: false, tagCount: false },
  wasabi: { addressing: 'path', crc32: false, tags: true, tagCount: false },
  spaces: { addressing: 'path', crc32: false, tags: true, tagCount: false },
  r2: { addressing: 'path', crc32: false, tags: false, tagCount: false },
  other: { addressing: 'path', crc32: false, tags: false, tagCount: false },
};

export function quirksOf(type: StoreType): StoreQuirks {
  return QUIRKS[type];
}
