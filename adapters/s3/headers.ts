/** Between S3's headers and the port's words. */
import type { ObjectKey } from '#core/key.ts';
import type { CopySource, ObjectAttributes, ObjectHead, Placement } from '#core/ports.ts';
import { encodePath } from './sigv4.ts';

const CONTENT_HEADERS = [
  ['contentType', 'content-type'],
  ['contentEncoding', 'content-encoding'],
  ['contentLanguage', 'content-language'],
  ['contentDisposition', 'content-disposition'],
  ['cacheControl', 'cache-control'],
] as const;
const META = 'x-amz-meta-';

/** What an object gets beside its bytes, and where and how it is kept. */
export function attributeHeaders(attributes: ObjectAttributes & Placement): Record<string, string> {
  const headers = tagHeaders(attributes.tags);
  for (const [property, header] of CONTENT_HEADERS) {
    const value = attributes[property];
    if (value !== undefined) headers[header] = value;
  }
  const { metadata } = attributes;
  for (const name in metadata) headers[META + name] = metadata[name] ?? '';
  place(headers, attributes);
  return headers;
}

/** Form-encoded; https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (x-amz-tagging) */
function tagHeaders(tags: ObjectAttributes['tags']): Record<string, string> {
  const pairs = Object.entries(tags ?? {});
  if (pairs.length === 0) return {};
  const encoded = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return { 'x-amz-tagging': encoded.join('&') };
}

/**
 * A copy takes none of it from its source: what is not given again is what the bucket does.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
 */
function place(headers: Record<string, string>, { storageClass, encryption }: Placement): void {
  if (storageClass !== undefined) headers['x-amz-storage-class'] = storageClass;
  if (encryption === undefined) return;
  headers['x-amz-server-side-encryption'] = encryption.type;
  if (encryption.keyId !== undefined) {
    headers['x-amz-server-side-encryption-aws-kms-key-id'] = encryption.keyId;
  }
}

export function headOf(key: ObjectKey, headers: Readonly<Record<string, string>>): ObjectHead {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(META)) metadata[name.slice(META.length)] = value;
  }
  const head: ObjectHead = {
    key,
    sizeBytes: totalSize(headers),
    etag: unquote(headers.etag ?? ''),
    lastModifiedMs: Date.parse(headers['last-modified'] ?? '') || 0,
    metadata,
  };
  for (const [property, header] of CONTENT_HEADERS) {
    const value = headers[header];
    if (value !== undefined) head[property] = value;
  }
  const versionId = headers['x-amz-version-id'];
  if (versionId !== undefined && versionId !== 'null') head.versionId = versionId;
  const tagCount = Number(headers['x-amz-tagging-count'] ?? 0);
  if (tagCount > 0) head.tagCount = tagCount;
  const crc32 = headers['x-amz-checksum-crc32'];
  if (crc32 !== undefined) head.crc32 = crc32;
  if (isContentHash(head.etag, headers)) head.md5 = head.etag;
  const [, partCount] = /^[0-9a-f]{32}-(\d+)$/.exec(head.etag) ?? [];
  if (partCount !== undefined && !hasKey(headers)) head.partCount = Number(partCount);
  return head;
}

/**
 * A key of KMS or of the customer makes the ETag a number of the store's own.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
 */
export function isContentHash(etag: string, headers: Readonly<Record<string, string>>): boolean {
  return !hasKey(headers) && /^[0-9a-f]{32}$/.test(etag);
}

function hasKey(headers: Readonly<Record<string, string>>): boolean {
  return (
    headers['x-amz-server-side-encryption']?.startsWith('aws:kms') === true ||
    headers['x-amz-server-side-encryption-customer-algorithm'] !== undefined
  );
}

export function sourceHeaders({ bucket, key, ifMatch }: CopySource): Record<string, string> {
  return {
    'x-amz-copy-source': `/${bucket}/${encodePath(key)}`,
    'x-amz-copy-source-if-match': `"${ifMatch}"`,
  };
}

export function unquote(etag: string): string {
  return etag.replace(/^(?:W\/)?"|"$/g, '');
}

/** The size of the whole object, also when the answer is a range of it. */
function totalSize(headers: Readonly<Record<string, string>>): number {
  const total = headers['content-range']?.split('/')[1];
  return Number(total ?? headers['content-length'] ?? 0);
}
