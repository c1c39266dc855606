/** Writes text of any length to a bucket with bounded memory: one PUT, or a multipart upload once it is large. */
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectAttributes, ObjectStore, PartResult } from '#core/ports.ts';

export interface TextUpload {
  /** `sent`: all that was appended so far is in parts, and `sentParts` can be gone on from. */
  append(text: string): Promise<'held' | 'sent'>;
  /** What another invocation needs to go on after the last part; `undefined` before the first. */
  sentParts(): SentParts | undefined;
  /** Resolves when every copy is visible under its key. */
  finish(): Promise<void>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}

export interface SentParts {
  uploads: { key: string; uploadId: string }[];
  /** Of each upload; what it has beyond them is written again. */
  parts: number;
}

/** More than S3's least part (5 MiB), and 10,000 of them hold 80 GB. */
const PART_BYTES = 8 * 1024 * 1024;
/** Many small buffers take more memory than their bytes. */
const PENDING_CHARACTERS = 64 * 1024;

interface UploadInParts {
  key: ObjectKey;
  uploadId: string;
  parts: PartResult[];
}

type TextStore = Pick<
  ObjectStore,
  'put' | 'createMultipart' | 'uploadPart' | 'completeMultipart' | 'abortMultipart'
>;

/** Goes on after these parts, with the text that follows them. `SyncError` when the store does not have them any more. */
export async function resumeTextUpload(
  store: TextStore & Pick<ObjectStore, 'listParts'>,
  sent: SentParts,
  contentType: string,
  partBytes?: number,
): Promise<TextUpload> {
  const uploads: UploadInParts[] = [];
  for (const { key: name, uploadId } of sent.uploads) {
    const key = objectKey(name);
    const parts: PartResult[] = [];
    for await (const { partNumber, etag } of store.listParts(key, uploadId)) {
      if (partNumber <= sent.parts) parts.push({ partNumber, etag });
    }
    if (parts.length !== sent.parts) {
      throw new SyncError(`the upload of ${key} has ${parts.length} of its ${sent.parts} parts`, {
        op: 'resume-upload',
        key,
        retryable: false,
        code: 'NoSuchUpload',
      });
    }
    uploads.push({ key, uploadId, parts });
  }
  const keys = uploads.map(({ key }) => key);
  return createTextUpload(store, keys, contentType, partBytes, uploads);
}

/** The same text under each of the keys. */
export function createTextUpload(
  store: TextStore,
  keys: readonly ObjectKey[],
  contentType: string,
  partBytes = PART_BYTES,
  begun: readonly UploadInParts[] = [],
): TextUpload {
  const attributes: ObjectAttributes = { metadata: {}, contentType };
  let pending: string[] = [];
  let pendingCharacters = 0;
  let chunks: Buffer[] = [];
  let sizeBytes = 0;
  let uploads = [...begun];

  function encode(): void {
    const chunk = Buffer.from(pending.join(''));
    pending = [];
    pendingCharacters = 0;
    if (chunk.length > 0) chunks.push(chunk);
    sizeBytes += chunk.length;
  }

  function take(): Buffer {
    const body = Buffer.concat(chunks);
    chunks = [];
    sizeBytes = 0;
    return body;
  }

  async function sendPart(): Promise<void> {
    const body = take();
    if (uploads.length === 0) {
      for (const key of keys) {
        uploads.push({ key, uploadId: await store.createMultipart(key, attributes), parts: [] });
      }
    }
    await Promise.all(
      uploads.map(async ({ key, uploadId, parts }) => {
        parts.push(await store.uploadPart(key, uploadId, parts.length + 1, body));
      }),
    );
  }

  return {
    async append(text) {
      pending.push(text);
      pendingCharacters += text.length;
      if (pendingCharacters >= Math.min(PENDING_CHARACTERS, partBytes)) encode();
      if (sizeBytes < partBytes) return 'held';
      encode();
      await sendPart();
      return 'sent';
    },
    sentParts: () =>
      uploads.length === 0
        ? undefined
        : {
            uploads: uploads.map(({ key, uploadId }) => ({ key, uploadId })),
            parts: uploads[0]?.parts.length ?? 0,
          },
    async finish() {
      encode();
      if (uploads.length === 0) {
        const body = take();
        for (const key of keys) await store.put(key, body, attributes);
        return;
      }
      if (sizeBytes > 0) await sendPart();
      for (const { key, uploadId, parts } of uploads) await store.completeMultipart(key, uploadId, parts);
      uploads = [];
    },
    async abort() {
      for (const { key, uploadId } of uploads) await store.abortMultipart(key, uploadId);
      uploads = [];
    },
  };
}
