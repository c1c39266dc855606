/** One bucket of an S3-compatible store behind the `ObjectStore` port. */
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { ObjectHead, ObjectStore, StoreCapabilities } from '#core/ports.ts';
import type { HttpAnswer } from '../http1/connection.ts';
import { bucketMethods } from './bucket.ts';
import { uploadChecked } from './checked-upload.ts';
import { control, required, version } from './control.ts';
import { attributeHeaders, headOf, sourceHeaders } from './headers.ts';
import { listObjects } from './list.ts';
import { multipartMethods } from './multipart.ts';
import { responseError } from './s3-error.ts';
import { taggingMethods } from './tagging.ts';
import { createWire, type WireOptions } from './wire.ts';

export interface StoreOptions extends WireOptions {
  /**
   * Send CRC-32 beside MD5, whatever `capabilities` says. AWS and MinIO check and keep it; B2 and some others refuse
   * headers they do not know.
   */
  crc32?: boolean;
  /**
   * What `probeStore` saw, asked at each request; `undefined` while that is not known: MD5 only, and a HEAD before each
   * conditional delete.
   */
  capabilities?: () => Pick<StoreCapabilities, 'crc32' | 'conditionalDelete'> | undefined;
}

export interface S3Store extends ObjectStore {
  /** The store's clock, as its last answer told it (whole seconds), minus this host's. */
  clockSkewMs(): number | undefined;
  close(): Promise<void>;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html */
const ABSENT_OR_CHANGED = new Set(['NoSuchKey', 'NotFound', 'PreconditionFailed']);

export function createS3Store(options: StoreOptions): S3Store {
  const wire = createWire(options);
  const { bucket } = options;
  const withCrc32 = () => options.crc32 ?? options.capabilities?.()?.crc32 ?? false;
  const { requireBucket, ...bucketItself } = bucketMethods(wire, options.region);

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

  return {
    bucket,
    head,
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
    put(key, body, options) {
      const headers = attributeHeaders(options);
      if (options.ifAbsent === true) headers['if-none-match'] = '*';
      const request = { op: 'PutObject', method: 'PUT', key, body, headers } as const;
      return uploadChecked(wire, request, withCrc32(), options);
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
    async get(key, { range, ifMatch } = {}) {
      const headers: Record<string, string> = { 'accept-encoding': 'identity' };
      if (range !== undefined) headers.range = `bytes=${range.start}-${range.end}`;
      else headers['x-amz-checksum-mode'] = 'ENABLED';
      if (ifMatch !== undefined) headers['if-match'] = `"${ifMatch}"`;
      const response = await wire.send({ op: 'GetObject', method: 'GET', key, headers });
      const head = headOf(key, response.headers);
      const expectedBytes = range === undefined ? head.sizeBytes : range.end - range.start + 1;
      return { head, body: exactly(response.body, expectedBytes, key, bucket) };
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html */
    async delete(key, { ifMatch } = {}) {
      const refuses = options.capabilities?.()?.conditionalDelete === true;
      let present: ObjectHead | undefined;
      const isStill = async () => {
        present = await head(key);
        return present?.etag === ifMatch;
      };
      // Some stores ignore If-Match on DELETE; the HEAD narrows what they could get wrong to one round trip.
      const looks = ifMatch !== undefined && !refuses;
      const gone = () => (present === undefined ? 'deleted' : 'changed');
      if (looks && !(await isStill())) return gone();
      const headers: Record<string, string> = ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` };
      const request = { op: 'DeleteObject', method: 'DELETE', key, headers } as const;
      let response: HttpAnswer;
      try {
        response = await wire.send(looks ? { ...request, isStill } : request, [404, 412]);
      } catch (error) {
        if (looks && error instanceof SyncError && present?.etag !== ifMatch) return gone();
        throw error;
      }
      if (response.status < 400) {
        await response.body.dump();
        return 'deleted';
      }
      const refusal = await responseError(response, request.op, key, bucket);
      if (!ABSENT_OR_CHANGED.has(refusal.code ?? '')) throw refusal;
      // An object that is gone has no ETag to match: only a look tells it from one that changed.
      return (await head(key)) === undefined ? 'deleted' : 'changed';
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
    async copy(key, source, attributes) {
      const replace: Record<string, string> =
        attributes === undefined
          ? {}
          : {
              'x-amz-metadata-directive': 'REPLACE',
              ...(attributes.tags === undefined ? {} : { 'x-amz-tagging-directive': 'REPLACE' }),
              ...attributeHeaders(attributes),
            };
      const { root, headers } = await control(wire, {
        op: 'CopyObject',
        method: 'PUT',
        key,
        headers: { ...sourceHeaders(source), ...replace },
      });
      return { etag: required(root, 'ETag', 'CopyObject', key), ...version(headers) };
    },
    ...multipartMethods(wire, withCrc32),
    list: (prefix, options) => listObjects(wire, prefix, options),
    ...taggingMethods(wire),
    ...bucketItself,
    clockSkewMs: wire.clockSkewMs,
    close: wire.close,
  };
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
