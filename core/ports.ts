/**
 * The ports: what Sluice needs from outside, in its own words. test/contracts proves every adapter on the same suite.
 * All in one file, so that whoever writes an adapter reads one.
 */
import type { ObjectKey } from './key.ts';
import type { DeliveryRecord, LedgerEntry, MirrorRecord } from './ledger-entry.ts';

/** What travels with an object beside its bytes. Metadata names are lower case, without `x-amz-meta-`. */
export interface ObjectAttributes {
  metadata: Readonly<Record<string, string>>;
  contentType?: string;
  contentEncoding?: string;
  contentLanguage?: string;
  contentDisposition?: string;
  cacheControl?: string;
  /** Given: they replace those of the object, with its bytes. Never answered by `head`: ask `tags`. */
  tags?: Readonly<Record<string, string>>;
}

export interface ObjectHead extends ObjectAttributes {
  key: ObjectKey;
  sizeBytes: number;
  /** Without the quotes. An identifier of a state, never a content hash to compare across stores. */
  etag: string;
  versionId?: string;
  lastModifiedMs: number;
  /** Base64 CRC-32 of the whole object, where the store keeps one. */
  crc32?: string;
  /** Hex MD5 of the whole object, where the ETag is one: sent whole, and encrypted with no key of KMS or a customer. */
  md5?: string;
  /** Where the ETag is made of the MD5s of so many parts: sent in parts, and encrypted with no key of KMS or a customer. */
  partCount?: number;
  /** Where the store counts the tags, the object has some, and they may be read. */
  tagCount?: number;
}

export interface ObjectSummary {
  key: ObjectKey;
  sizeBytes: number;
  etag: string;
  lastModifiedMs: number;
}

/** Where and how the store keeps an object; never carried from one store to another. */
export interface Placement {
  storageClass?: string;
  /** https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingEncryption.html; absent: what the bucket does. */
  encryption?: { type: 'AES256' | 'aws:kms'; keyId?: string };
}

/** Checksums of a body, where the caller has computed them already. */
export interface BodySums {
  /** Hex. */
  md5?: string;
  /** Base64. */
  crc32?: string;
}

export interface PutOptions extends ObjectAttributes, Placement, BodySums {
  /** Only create: the write fails with `PreconditionFailed` when the key exists. */
  ifAbsent?: boolean;
}

export interface PutResult {
  etag: string;
  versionId?: string;
}

export interface PartResult {
  partNumber: number;
  etag: string;
}

/** An upload in parts that was begun and neither completed nor aborted. */
export interface OpenUpload {
  key: ObjectKey;
  uploadId: string;
  initiatedMs: number;
}

/** What a store was seen to do; never assumed from its name. */
export interface StoreCapabilities {
  /** It refuses a body whose CRC-32 is not the one announced. */
  crc32: boolean;
  /** `If-None-Match: *` on PUT keeps an existing object. */
  conditionalPut: boolean;
  /** `If-Match` on DELETE keeps an object with another ETag. */
  conditionalDelete: boolean;
  versions: boolean;
  /** What it does to an object that asks for nothing: `none`, `AES256`, `aws:kms`. */
  encryption: string;
}

/** Bytes `start` to `end`, both inclusive. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface CopySource {
  bucket: string;
  key: ObjectKey;
  /** The copy fails with `PreconditionFailed` when the source has another ETag. */
  ifMatch: string;
}

/**
 * One bucket of an S3-compatible store.
 *
 * Every method throws `SyncError` (op, key, code, retryable). An absent object is a value (`undefined`, `'absent'`);
 * an absent bucket (`NoSuchBucket`), a refusal (`AccessDenied`) and an unreachable store are errors, never "empty".
 */
export interface ObjectStore {
  readonly bucket: string;
  head(key: ObjectKey): Promise<ObjectHead | undefined>;
  /** Sends the whole body with MD5 and, where probed, CRC-32; resolves once the store has confirmed the checksum. */
  put(key: ObjectKey, body: Uint8Array, options: PutOptions): Promise<PutResult>;
  /** The body is checked against its Content-Length; a short body throws `Truncated` while it is read. */
  get(
    key: ObjectKey,
    options?: { range?: ByteRange; ifMatch?: string },
  ): Promise<{ head: ObjectHead; body: AsyncIterable<Uint8Array> }>;
  /** `'changed'`: the object no longer has the ETag asked for, and it stays. */
  delete(key: ObjectKey, options?: { ifMatch?: string }): Promise<'deleted' | 'changed'>;
  /** Server-side copy of up to 5 GiB. Attributes are carried over, or replaced when they are given. */
  copy(key: ObjectKey, source: CopySource, attributes?: ObjectAttributes & Placement): Promise<PutResult>;
  createMultipart(key: ObjectKey, attributes: ObjectAttributes & Placement): Promise<string>;
  /** `md5`: hex, of the body, where the caller has computed it already. */
  uploadPart(
    key: ObjectKey,
    uploadId: string,
    partNumber: number,
    body: Uint8Array,
    sums?: BodySums,
  ): Promise<PartResult>;
  uploadPartCopy(
    key: ObjectKey,
    uploadId: string,
    partNumber: number,
    source: CopySource,
    range: ByteRange,
  ): Promise<PartResult>;
  completeMultipart(
    key: ObjectKey,
    uploadId: string,
    parts: readonly PartResult[],
    options?: Pick<PutOptions, 'ifAbsent'>,
  ): Promise<PutResult>;
  /** One that is no longer there is no error. */
  abortMultipart(key: ObjectKey, uploadId: string): Promise<void>;
  /** What the store has of an upload; none when there is no such upload. In the order of their numbers. */
  listParts(key: ObjectKey, uploadId: string): AsyncIterable<PartResult & { sizeBytes: number }>;
  /** In key order; an upload of another client is listed as well. */
  listUploads(prefix: string): AsyncIterable<OpenUpload>;
  /**
   * Size of a part of an object that came in parts, of the first unless another is named, where the store tells;
   * `undefined` for one that came whole. `PreconditionFailed` when the object has another ETag, `NotFound` when there is
   * none.
   */
  partBytes(key: ObjectKey, ifMatch: string, partNumber?: number): Promise<number | undefined>;
  /**
   * All objects below the prefix in the order the store lists them (UTF-8 bytes), those up to `after` left out. `ahead`:
   * the next page is asked for while this one is read, which is for readers that go to the end.
   */
  list(prefix: string, options?: { after?: ObjectKey; ahead?: boolean }): AsyncIterable<ObjectSummary>;
  /** Tags of an object; `NoSuchKey` when there is none. */
  tags(key: ObjectKey): Promise<Readonly<Record<string, string>>>;
  setTags(key: ObjectKey, tags: Readonly<Record<string, string>>): Promise<void>;
  /** `false`: there is no such bucket. A refusal or an unreachable store is an error. */
  bucketExists(): Promise<boolean>;
  /** A bucket that is there already and ours is no error. */
  createBucket(): Promise<void>;
}

/**
 * The table of what is where. Writes are compare-and-set on `revision`, so that two handlers of one key cannot
 * undo each other; mirror records live beside the entry and are never touched by `put`.
 */
export interface Ledger {
  get(key: ObjectKey): Promise<LedgerEntry | undefined>;
  /** Writes the entry if the stored revision is still `entry.revision - 1` (0: none yet). */
  put(entry: LedgerEntry): Promise<'written' | 'conflict'>;
  /** Notes what a destination holds; creates a row in state `unknown` when events have not told of the key yet. */
  recordMirror(key: ObjectKey, destination: string, record: MirrorRecord): Promise<void>;
  /**
   * Notes what the file manager has; `undefined`: that it is not known. Compare-and-set on the record that was read, so
   * that of two deliveries of a key the later one looks again.
   */
  recordDelivery(
    key: ObjectKey,
    record: DeliveryRecord | undefined,
    before: DeliveryRecord | undefined,
  ): Promise<'written' | 'conflict'>;
  /** Every entry in key order (UTF-8 bytes) after that key, with constant memory. */
  entries(options?: { after?: ObjectKey }): AsyncIterable<LedgerEntry>;
}

/** Small states of runs beside the ledger: guard windows, holds, where a run stands. JSON, compare-and-set. */
export interface Controls {
  get(name: string): Promise<{ value: unknown; revision: number } | undefined>;
  /** Writes if the stored revision is still the one given (0: there is none yet). */
  put(name: string, value: unknown, revision: number): Promise<'written' | 'conflict'>;
}

/** A key whose delivery to the file manager has to be looked at. */
export interface DeliveryRequest {
  key: ObjectKey;
  /** Of the ledger row that asks for it. */
  revision: number;
  /** A key that was deleted in the same breath and had the same content: a rename saves sending it again. */
  renamedFrom?: ObjectKey;
  /** Sets apart what must be looked at again although nothing changed, such as the id of a reconcile run. */
  again?: string;
}

/** Requests of one key are performed one after the other, in the order of their sending. */
export interface DeliveryQueue {
  send(requests: readonly DeliveryRequest[]): Promise<void>;
}

/** Every consumer of the hub's events gets each message. */
export interface EventTopic {
  /** Resolves when all are taken; after an error some of them may be. Each has at most 256 KiB. */
  publish(messages: readonly string[]): Promise<void>;
}

/** Asks the consumers of a queue to look at keys, as an event would. */
export interface LookQueue {
  /** @param delayMs nobody gets them before that, or before the longest delay of the queue */
  send(looks: readonly Look[], delayMs?: number): Promise<void>;
}

export interface Look {
  key: ObjectKey;
  /** For the log of who looks. */
  reason: string;
  /** Deletes of this run were approved: the guard has seen them. */
  approvedBy?: string;
}

/**
 * Who is told of every change. At least once: the same idempotency key is the same call. `SyncError`, retryable or not,
 * by what the service answered.
 */
export interface FileManager {
  updatePermissions(
    call: { key: ObjectKey; permissions: Readonly<Record<string, unknown>> },
    idempotencyKey: string,
  ): Promise<void>;
  /** The body is streamed, never held; it is iterated anew for each try. */
  saveToDisk(head: ObjectHead, body: AsyncIterable<Uint8Array>, idempotencyKey: string): Promise<void>;
  delete(key: ObjectKey, idempotencyKey: string): Promise<void>;
  rename(from: ObjectKey, to: ObjectKey, idempotencyKey: string): Promise<void>;
}
