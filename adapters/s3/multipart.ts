/** Uploads in parts. */
import type { ObjectStore, PartResult } from '#core/ports.ts';
import { uploadChecked } from './checked-upload.ts';
import { control, required, version } from './control.ts';
import { attributeHeaders, sourceHeaders, unquote } from './headers.ts';
import { listedParts, openUploads } from './open-uploads.ts';
import { responseError } from './s3-error.ts';
import type { Wire } from './wire.ts';

type MultipartMethods = Pick<
  ObjectStore,
  | 'createMultipart'
  | 'uploadPart'
  | 'uploadPartCopy'
  | 'completeMultipart'
  | 'abortMultipart'
  | 'listParts'
  | 'listUploads'
  | 'partBytes'
>;

export function multipartMethods(wire: Wire, withCrc32: () => boolean): MultipartMethods {
  return {
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html */
    async createMultipart(key, attributes) {
      const op = 'CreateMultipartUpload';
      const headers = attributeHeaders(attributes);
      const { root } = await control(wire, { op, method: 'POST', key, query: { uploads: '' }, headers });
      return required(root, 'UploadId', op, key);
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html */
    async uploadPart(key, uploadId, partNumber, body, sums = {}) {
      const query = { partNumber: String(partNumber), uploadId };
      const request = { op: 'UploadPart', method: 'PUT', key, body, query } as const;
      const { etag } = await uploadChecked(wire, request, withCrc32(), sums);
      return { partNumber, etag };
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html */
    async uploadPartCopy(key, uploadId, partNumber, source, range) {
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
    async completeMultipart(key, uploadId, parts, { ifAbsent = false } = {}) {
      const op = 'CompleteMultipartUpload';
      const { root, headers } = await control(wire, {
        op,
        method: 'POST',
        key,
        query: { uploadId },
        headers: { 'content-type': 'application/xml', ...(ifAbsent ? { 'if-none-match': '*' } : {}) },
        body: new TextEncoder().encode(completion(parts)),
      });
      return { etag: required(root, 'ETag', op, key), ...version(headers) };
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html */
    async abortMultipart(key, uploadId) {
      const request = { op: 'AbortMultipartUpload', method: 'DELETE', key, query: { uploadId } } as const;
      const response = await wire.send(request, [404]);
      if (response.status !== 404) return void (await response.body.dump());
      const refusal = await responseError(response, request.op, key, wire.bucket);
      if (refusal.code === 'NoSuchBucket') throw refusal;
    },
    listParts: (key, uploadId) => listedParts(wire, key, uploadId),
    async *listUploads(prefix) {
      let found = false;
      for await (const upload of openUploads(wire, prefix)) {
        found = true;
        yield upload;
      }
      if (found || prefix === '') return;
      // MinIO takes a prefix for a whole key, and finds nothing below `dir/`; it does list all uploads of a bucket.
      for await (const upload of openUploads(wire, '')) if (upload.key.startsWith(prefix)) yield upload;
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (partNumber) */
    async partBytes(key, ifMatch, partNumber = 1) {
      const op = 'HeadObject';
      const request = { op, method: 'HEAD', key, query: { partNumber: String(partNumber) } } as const;
      const response = await wire.send(request, CANNOT_TELL);
      await response.body.dump();
      // Not If-Match: MinIO answers with the ETag of the part, and compares with that one.
      if (unquote(response.headers.etag ?? '') !== ifMatch) {
        const headers = { 'if-match': `"${ifMatch}"` };
        await (await wire.send({ op, method: 'HEAD', key, headers })).body.dump();
      }
      return CANNOT_TELL.includes(response.status) ? undefined : partSize(response.headers);
    },
  };
}

/** Stores that do not know part numbers, and those that refuse one for an object that came whole. */
const CANNOT_TELL: readonly number[] = [416, 501];

function partSize(headers: Readonly<Record<string, string>>): number | undefined {
  const parts = Number(headers['x-amz-mp-parts-count'] ?? Number.NaN);
  const sizeBytes = Number(headers['content-length'] ?? Number.NaN);
  if (Number.isNaN(parts) || Number.isNaN(sizeBytes)) return undefined;
  // A store that counts the parts but answers with all of them has not told the size of one.
  const total = headers['content-range']?.split('/')[1];
  return parts > 1 && (total === undefined || Number(total) === sizeBytes) ? undefined : sizeBytes;
}

function completion(parts: readonly PartResult[]): string {
  const items = parts.map(
    ({ partNumber, etag }) => `<Part><PartNumber>${partNumber}</PartNumber><ETag>"${etag}"</ETag></Part>`,
  );
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${items.join('')}</CompleteMultipartUpload>`;
}
