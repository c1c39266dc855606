/** One bucket of an S3-compatible store behind the `ObjectStore` port. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { CopySource, ObjectStore, PartResult, PutResult } from '#core/ports.ts';
import { attributeHeaders, headOf, sourceHeaders, unquote } from './headers.ts';
import { listObjects } from './list.ts';
import { errorInSuccess } from './s3-error.ts';
import { createWire, type Wire, type WireOptions, type WireRequest } from './wire.ts';
import { parseXml, textAt } from './xml.ts';

export interface StoreOptions extends WireOptions {
  /** Send CRC-32 beside MD5. AWS and MinIO check and keep it; B2 and some others refuse headers they do not know. */
  crc32?: boolean;
}

/** How long a bucket that answered is believed to exist, when a HEAD says 404 without saying of what. */
const BUCKET_BELIEVED_MS = 10_000;

export function createS3Store(options: StoreOptions): ObjectStore & { close(): Promise<void> } {
  const wire = createWire(options);
  const { bucket } = options;
  let bucketSeenMs = Number.NEGATIVE_INFINITY;

  /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html */
  async function requireBucket(): Promise<void> {
    if (Date.now() - bucketSeenMs < BUCKET_BELIEVED_MS) return;
    const response = await wire.send({ op: 'HeadBucket', method: 'HEAD' }, [404]);
    await response.body.dump();
    if (response.status === 404) throw noSuchBucket(bucket);
    bucketSeenMs = Date.now();
  }

  /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html */
  async function head(key: ObjectKey) {
    const response = await wire.send(
      { op: 'HeadObject', method: 'HEAD', key, headers: { 'x-amz-checksum-mode': 'ENABLED' } },
      [404],
    );
    await response.body.dump();
    if (response.status !== 404) return headOf(key, response.headers);
    await requireBucket();
    return undefined;
  }

  async function upload(request: WireRequest & { key: string; body: Uint8Array }): Promise<PutResult> {
    const md5 = createHash('md5').update(request.body).digest();
    const crc = crcBase64(request.body);
    const response = await wire.send({
      ...request,
      headers: {
        ...request.headers,
        'content-md5': md5.toString('base64'),
        ...(options.crc32 === true ? { 'x-amz-checksum-crc32': crc } : {}),
      },
    });
    await response.body.dump();
    const { headers } = response;
    const etag = unquote(headers.etag ?? '');
    const encryptedTag = headers['x-amz-server-side-encryption']?.startsWith('aws:kms') === true;
    const wrongTag = /^[0-9a-f]{32}$/.test(etag) && !encryptedTag && etag !== md5.toString('hex');
    const wrongCrc = (headers['x-amz-checksum-crc32'] ?? crc) !== crc;
    if (etag === '' || wrongTag || wrongCrc) throw unconfirmed(request.op, request.key, bucket);
    return { etag, ...version(headers) };
  }

  return {
    bucket,
    head,
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
    put: (key, body, { ifAbsent, ...attributes }) =>
      upload({
        op: 'PutObject',
        method: 'PUT',
        key,
        body,
        headers: { ...attributeHeaders(attributes), ...(ifAbsent === true ? { 'if-none-match': '*' } : {}) },
      }),
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
    async get(key, { range, ifMatch } = {}) {
      const headers: Record<string, string> = { 'accept-encoding': 'identity' };
      if (range !== undefined) headers.range = `bytes=${range.start}-${range.end}`;
      if (ifMatch !== undefined) headers['if-match'] = `"${ifMatch}"`;
      const response = await wire.send({ op: 'GetObject', method: 'GET', key, headers });
      const head = headOf(key, response.headers);
      const expectedBytes = range === undefined ? head.sizeBytes : range.end - range.start + 1;
      return { head, body: exactly(response.body, expectedBytes, key, bucket) };
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html */
    async delete(key, { ifMatch } = {}) {
      if (ifMatch !== undefined) {
        // Some stores ignore If-Match on DELETE; the HEAD narrows what they could get wrong to one round trip.
        const present = await head(key);
        if (present === undefined) return 'deleted';
        if (present.etag !== ifMatch) return 'changed';
      }
      const headers: Record<string, string> = ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` };
      const response = await wire.send({ op: 'DeleteObject', method: 'DELETE', key, headers }, [412]);
      await response.body.dump();
      return response.status === 412 ? 'changed' : 'deleted';
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
    async copy(key, source, attributes) {
      const replace: Record<string, string> =
        attributes === undefined
          ? {}
          : { 'x-amz-metadata-directive': 'REPLACE', ...attributeHeaders(attributes) };
      const { root, headers } = await control(wire, {
        op: 'CopyObject',
        method: 'PUT',
        key,
        headers: { ...sourceHeaders(source), ...replace },
      });
      return { etag: required(root, 'ETag', 'CopyObject', key), ...version(headers) };
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html */
    async createMultipart(key, attributes) {
      const op = 'CreateMultipartUpload';
      const query = { uploads: '' };
      const { root } = await control(wire, {
        op,
        method: 'POST',
        key,
        query,
        headers: attributeHeaders(attributes),
      });
      return required(root, 'UploadId', op, key);
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html */
    async uploadPart(key, uploadId, partNumber, body) {
      const query = { partNumber: String(partNumber), uploadId };
      const { etag } = await upload({ op: 'UploadPart', method: 'PUT', key, body, query });
      return { partNumber, etag };
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html */
    async uploadPartCopy(key, uploadId, partNumber, source: CopySource, range) {
      const op = 'UploadPartCopy';
      const { root } = await control(wire, {
        op,
        method: 'PUT',
        key,
        query: { partNumber: String(partNumber), uploadId },
        headers: { ...sourceHeaders(source), 'x-amz-copy-source-range': `bytes=${range.start}-${range.end}` },
      });
      return { partNumber, etag: required(root, 'ETag', op, key) };
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html */
    async completeMultipart(key, uploadId, parts) {
      const op = 'CompleteMultipartUpload';
      const { root, headers } = await control(wire, {
        op,
        method: 'POST',
        key,
        query: { uploadId },
        headers: { 'content-type': 'application/xml' },
        body: new TextEncoder().encode(completion(parts)),
      });
      return { etag: required(root, 'ETag', op, key), ...version(headers) };
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html */
    async abortMultipart(key, uploadId) {
      const request = { op: 'AbortMultipartUpload', method: 'DELETE', key, query: { uploadId } } as const;
      const response = await wire.send(request, [404]);
      await response.body.dump();
    },
    list: (prefix) => listObjects(wire, prefix),
    close: () => wire.close(),
  };
}

function crcBase64(body: Uint8Array): string {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64');
}

/** A request whose answer is a small XML document. */
async function control(wire: Wire, request: WireRequest & { key: string }) {
  const response = await wire.send(request);
  const text = await response.body.text();
  const error = errorInSuccess(text, request.op, request.key, wire.bucket);
  if (error !== undefined) throw error;
  const document = parseXml(text);
  return { root: Object.values(document)[0], headers: response.headers };
}

function required(root: unknown, name: string, op: string, key: string): string {
  const value = textAt(root, name);
  if (value !== undefined && value !== '') return name === 'ETag' ? unquote(value) : value;
  throw new SyncError(`${op} ${key}: the store's answer has no ${name}`, { op, key, retryable: true });
}

function version(headers: Readonly<Record<string, string>>): { versionId?: string } {
  const versionId = headers['x-amz-version-id'];
  return versionId === undefined || versionId === 'null' ? {} : { versionId };
}

function completion(parts: readonly PartResult[]): string {
  const items = parts.map(
    ({ partNumber, etag }) => `<Part><PartNumber>${partNumber}</PartNumber><ETag>"${etag}"</ETag></Part>`,
  );
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${items.join('')}</CompleteMultipartUpload>`;
}

/** A close-delimited answer that ends early looks complete to HTTP; the count says otherwise. */
async function* exactly(body: AsyncIterable<Uint8Array>, expectedBytes: number, key: string, bucket: string) {
  let seen = 0;
  for await (const chunk of body) {
    seen += chunk.length;
    yield chunk;
  }
  if (seen === expectedBytes) return;
  throw new SyncError(`GetObject ${bucket}/${key}: ${seen} of ${expectedBytes} bytes arrived`, {
    op: 'GetObject',
    key,
    retryable: true,
    code: 'Truncated',
  });
}

function unconfirmed(op: string, key: string, bucket: string): SyncError {
  return new SyncError(`${op} ${bucket}/${key}: the store did not confirm the checksum that was sent`, {
    op,
    key,
    retryable: true,
    code: 'ChecksumMismatch',
    hint: 'Something between here and the store changes bytes, or the store does not keep ETags as S3 does.',
  });
}

function noSuchBucket(bucket: string): SyncError {
  return new SyncError(`HeadBucket ${bucket}: NoSuchBucket: the bucket does not exist`, {
    op: 'HeadBucket',
    retryable: false,
    code: 'NoSuchBucket',
    hint: 'Create the bucket, or correct its name in the settings.',
  });
}
