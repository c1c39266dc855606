/** A bucket in memory that answers as S3 does; several may share the buckets of one "server". */
import { createHash, hash, randomUUID } from 'node:crypto';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type {
  ByteRange,
  ObjectAttributes,
  ObjectHead,
  ObjectStore,
  Placement,
  PutResult,
} from '#core/ports.ts';
import { compareUtf8 } from '#core/utf8.ts';

interface Stored {
  head: ObjectHead;
  body: Buffer;
  placement: Placement;
  tags: Readonly<Record<string, string>>;
  /** Of an object that came in parts. */
  partBytes?: readonly number[];
}

/** Bucket name -> key -> object; a bucket that is not in it does not exist. */
export type MemoryServer = Map<string, Map<ObjectKey, Stored>>;

export interface MemoryStoreOptions {
  bucket?: string;
  server?: MemoryServer;
  nowMs?: () => number;
  versioned?: boolean;
  /** Whether the bucket is there from the start; default yes. */
  exists?: boolean;
  /** Of versions and uploads; default random. */
  newId?: () => string;
}

export interface MemoryStore extends ObjectStore {
  /** Calls so far, as `op key`. */
  readonly calls: string[];
  /** Uploads neither completed nor aborted. */
  openUploads(): number;
  contents(key: ObjectKey): Buffer | undefined;
  /** What was asked for when the object was written. */
  placement(key: ObjectKey): Placement | undefined;
  /** Runs before the operation; throw to make it fail. */
  before(hook: (op: string, key: ObjectKey) => void | Promise<void>): void;
}

export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { bucket = 'bucket', server = new Map(), nowMs = () => 0, versioned = false } = options;
  const { newId = randomUUID } = options;
  if (options.exists !== false && !server.has(bucket)) server.set(bucket, new Map());
  const uploads = new Map<
    string,
    {
      key: ObjectKey;
      initiatedMs: number;
      attributes: ObjectAttributes & Placement;
      parts: Map<number, { etag: string; body: Uint8Array }>;
    }
  >();
  const calls: string[] = [];
  let hook: (op: string, key: ObjectKey) => void | Promise<void> = () => undefined;

  async function called(op: string, key: ObjectKey | ''): Promise<Map<ObjectKey, Stored>> {
    calls.push(`${op} ${key}`);
    await hook(op, key as ObjectKey);
    const objects = server.get(bucket);
    if (objects === undefined) throw refusal('NoSuchBucket', op, key);
    return objects;
  }

  function keep(
    objects: Map<ObjectKey, Stored>,
    key: ObjectKey,
    body: Uint8Array,
    contentTag: string,
    attributes: ObjectAttributes & Placement,
    partBytes?: readonly number[],
  ): PutResult {
    const ofKms = attributes.encryption?.type === 'aws:kms';
    const etag = ofKms ? md5(Buffer.from(newId())) : contentTag;
    const head: ObjectHead = {
      ...pickAttributes(attributes),
      key,
      sizeBytes: body.length,
      etag,
      // S3 keeps whole seconds.
      lastModifiedMs: Math.floor(nowMs() / 1000) * 1000,
      ...(versioned ? { versionId: newId() } : {}),
      ...(ofKms ? {} : partBytes === undefined ? { md5: etag } : { partCount: partBytes.length }),
    };
    const { storageClass, encryption } = attributes;
    objects.set(key, {
      head,
      body: Buffer.from(body),
      tags: { ...attributes.tags },
      placement: {
        ...(storageClass === undefined ? {} : { storageClass }),
        ...(encryption === undefined ? {} : { encryption }),
      },
      ...(partBytes === undefined ? {} : { partBytes }),
    });
    return { etag, ...(head.versionId === undefined ? {} : { versionId: head.versionId }) };
  }

  function sourceOf(source: { bucket: string; key: ObjectKey; ifMatch: string }): Stored {
    const stored = server.get(source.bucket)?.get(source.key);
    if (stored === undefined) throw refusal('NoSuchKey', 'CopyObject', source.key);
    if (stored.head.etag !== source.ifMatch) throw refusal('PreconditionFailed', 'CopyObject', source.key);
    return stored;
  }

  function uploadOf(key: ObjectKey, uploadId: string) {
    const upload = uploads.get(uploadId);
    if (upload === undefined) throw refusal('NoSuchUpload', 'UploadPart', key);
    return upload;
  }

  return {
    bucket,
    calls,
    openUploads: () => uploads.size,
    contents: (key) => server.get(bucket)?.get(key)?.body,
    placement: (key) => server.get(bucket)?.get(key)?.placement,
    before: (next) => {
      hook = next;
    },
    async head(key) {
      const objects = await called('head', key);
      const stored = objects.get(key);
      return stored === undefined ? undefined : copyOf(stored.head);
    },
    async put(key, body, { ifAbsent, ...attributes }) {
      const objects = await called('put', key);
      if (ifAbsent === true && objects.has(key)) throw refusal('PreconditionFailed', 'PutObject', key);
      return keep(objects, key, body, md5(body), attributes);
    },
    async get(key, { range, ifMatch } = {}) {
      const objects = await called('get', key);
      const stored = objects.get(key);
      if (stored === undefined) throw refusal('NoSuchKey', 'GetObject', key);
      if (ifMatch !== undefined && stored.head.etag !== ifMatch) {
        throw refusal('PreconditionFailed', 'GetObject', key);
      }
      const tagCount = Object.keys(stored.tags).length;
      const head = { ...copyOf(stored.head), ...(tagCount === 0 ? {} : { tagCount }) };
      return { head, body: chunks(slice(stored.body, range)) };
    },
    async delete(key, { ifMatch } = {}) {
      const objects = await called('delete', key);
      const stored = objects.get(key);
      if (stored !== undefined && ifMatch !== undefined && stored.head.etag !== ifMatch) return 'changed';
      objects.delete(key);
      return 'deleted';
    },
    async copy(key, source, attributes) {
      const objects = await called('copy', key);
      const stored = sourceOf(source);
      const tags = attributes?.tags ?? stored.tags;
      return keep(objects, key, stored.body, md5(stored.body), { ...(attributes ?? stored.head), tags });
    },
    async createMultipart(key, attributes) {
      await called('createMultipart', key);
      const uploadId = newId();
      uploads.set(uploadId, { key, initiatedMs: nowMs(), attributes, parts: new Map() });
      return uploadId;
    },
    async uploadPart(key, uploadId, partNumber, body) {
      await called('uploadPart', key);
      const etag = md5(body);
      uploadOf(key, uploadId).parts.set(partNumber, { etag, body: new Uint8Array(body) });
      return { partNumber, etag };
    },
    async uploadPartCopy(key, uploadId, partNumber, source, range) {
      await called('uploadPartCopy', key);
      const body = slice(sourceOf(source).body, range);
      const etag = md5(body);
      uploadOf(key, uploadId).parts.set(partNumber, { etag, body });
      return { partNumber, etag };
    },
    async completeMultipart(key, uploadId, parts, { ifAbsent } = {}) {
      const objects = await called('completeMultipart', key);
      if (ifAbsent === true && objects.has(key))
        throw refusal('PreconditionFailed', 'CompleteMultipartUpload', key);
      const upload = uploadOf(key, uploadId);
      const bodies = parts.map(({ partNumber, etag }, index) => {
        const part = upload.parts.get(partNumber);
        const ordered = index === 0 || (parts[index - 1]?.partNumber ?? 0) < partNumber;
        if (part?.etag !== etag || !ordered) throw refusal('InvalidPart', 'CompleteMultipartUpload', key);
        return part.body;
      });
      uploads.delete(uploadId);
      const digest = createHash('md5');
      for (const { etag } of parts) digest.update(Buffer.from(etag, 'hex'));
      const etag = `${digest.digest('hex')}-${parts.length}`;
      const sizes = bodies.map((body) => body.length);
      return keep(objects, key, Buffer.concat(bodies), etag, upload.attributes, sizes);
    },
    async abortMultipart(key, uploadId) {
      await called('abortMultipart', key);
      uploads.delete(uploadId);
    },
    async *listParts(key, uploadId) {
      await called('listParts', key);
      const parts = [...(uploads.get(uploadId)?.parts ?? [])].sort(([left], [right]) => left - right);
      for (const [partNumber, { etag, body }] of parts) yield { partNumber, etag, sizeBytes: body.length };
    },
    async *listUploads(prefix) {
      const open = [...uploads].filter(([, { key }]) => key.startsWith(prefix));
      open.sort(([, left], [, right]) => compareUtf8(left.key, right.key));
      for (const [uploadId, { key, initiatedMs }] of open) yield { key, uploadId, initiatedMs };
    },
    async partBytes(key, ifMatch, partNumber = 1) {
      const objects = await called('partBytes', key);
      const stored = objects.get(key);
      if (stored === undefined) throw refusal('NotFound', 'HeadObject', key);
      if (stored.head.etag !== ifMatch) throw refusal('PreconditionFailed', 'HeadObject', key);
      return stored.partBytes?.[partNumber - 1];
    },
    async *list(prefix, { after } = {}) {
      const objects = await called('list', '');
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareUtf8);
      for (const key of keys) {
        const head = objects.get(key)?.head;
        if (head === undefined || (after !== undefined && compareUtf8(key, after) <= 0)) continue;
        const { sizeBytes, etag, lastModifiedMs } = head;
        yield { key, sizeBytes, etag, lastModifiedMs };
      }
    },
    async tags(key) {
      const stored = (await called('tags', key)).get(key);
      if (stored === undefined) throw refusal('NoSuchKey', 'GetObjectTagging', key);
      return { ...stored.tags };
    },
    async setTags(key, tags) {
      const stored = (await called('setTags', key)).get(key);
      if (stored === undefined) throw refusal('NoSuchKey', 'PutObjectTagging', key);
      stored.tags = { ...tags };
    },
    async bucketExists() {
      calls.push('bucketExists ');
      await hook('bucketExists', '' as ObjectKey);
      return server.has(bucket);
    },
    async createBucket() {
      calls.push('createBucket ');
      await hook('createBucket', '' as ObjectKey);
      if (!server.has(bucket)) server.set(bucket, new Map());
    },
  };
}

function pickAttributes(attributes: ObjectAttributes): ObjectAttributes {
  const { metadata, contentType, contentEncoding, contentLanguage, contentDisposition, cacheControl } =
    attributes;
  const headers = { contentType, contentEncoding, contentLanguage, contentDisposition, cacheControl };
  const given = Object.entries(headers).filter(([, value]) => value !== undefined);
  return { metadata: { ...metadata }, ...Object.fromEntries(given) };
}

/** By hand: a simulation asks for millions of them. */
function copyOf(head: ObjectHead): ObjectHead {
  return { ...head, metadata: { ...head.metadata } };
}

function slice(body: Uint8Array, range: ByteRange | undefined): Uint8Array {
  return range === undefined ? body : body.slice(range.start, range.end + 1);
}

async function* chunks(body: Uint8Array, chunkBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += chunkBytes) yield body.subarray(at, at + chunkBytes);
}

function md5(body: Uint8Array): string {
  return hash('md5', body);
}

function refusal(code: string, op: string, key: ObjectKey | ''): SyncError {
  return new SyncError(`${op} ${key}: ${code}`, { op, key, code, retryable: false });
}
