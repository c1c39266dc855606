/** Brings the content of one settled file under its key: by a copy within the store where it has the bytes already. */
import { copyObject } from '#adapters/copy-object.ts';
import { hashFile } from '#adapters/host/file-hash.ts';
import type { HostIndex, IndexRow } from '#adapters/host/index-db.ts';
import type { FileState } from '#adapters/host/tree.ts';
import { contentType } from '#core/content-type.ts';
import { SyncError } from '#core/errors.ts';
import { fileKey } from '#core/file-key.ts';
import type { ObjectKey } from '#core/key.ts';
import { fileMetadata } from '#core/metadata.ts';
import { rangesOf } from '#core/parts.ts';
import type { ObjectHead, PutOptions } from '#core/ports.ts';
import { decodeName, printableName } from './path-bytes.ts';
import { changed, type FileContext, type SettledFile } from './settled-file.ts';
import { notingSent, type Sent } from './unconfirmed.ts';
import { uploadFile } from './upload-file.ts';

/** What the index knows of a synced file. */
export type SyncedRow = IndexRow & { state: 'synced' };

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; the object to copy from is not what it was. */
const SOURCE_MOVED = new Set(['PreconditionFailed', 'NoSuchKey', 'NotFound', 'InvalidRange']);

/**
 * Uploads, and answers the row that was put into the index once the store had confirmed every byte.
 *
 * @throws SyncError `Changed` when somebody touched the file meanwhile; the object may then hold what was read, and the
 * caller looks again. `PreconditionFailed` with `ifAbsent` when the key exists.
 */
export async function putFile(
  context: FileContext,
  path: Buffer,
  file: SettledFile,
  ifAbsent: boolean,
): Promise<SyncedRow> {
  const { folder, settings, store, index, parts, log, metrics } = context;
  const { fd, key, state, checkpoint } = file;
  const startedMs = performance.now();
  const requestOf = (sending: (sent: Sent) => void) => ({
    folder: folder.name,
    path,
    fd,
    state,
    key,
    attributes(hex: string | undefined, bytes: number): PutOptions {
      const attributes = attributesOf(context, key, state, hex, bytes);
      sending({ sizeBytes: state.sizeBytes, metadata: attributes.metadata });
      return { ...attributes, ...(ifAbsent ? { ifAbsent } : {}) };
    },
    checkpoint,
    wholeMd5: encryptedByKms(context),
  });
  const row = await notingSent(
    context,
    path,
    (sending) => uploadFile({ store, index, parts }, requestOf(sending), settings.limits.partBytes),
    (uploaded) => putRow(index, file, syncedRow(context, path, state, uploaded)),
  );
  if (row === undefined) throw changed(key);
  const seconds = (performance.now() - startedMs) / 1000;
  log.info('uploaded', { key, bytes: state.sizeBytes, ms: Math.round(seconds * 1000) });
  metrics.done(folder.name, 'uploaded', state.sizeBytes);
  metrics.lag(folder.name, seconds);
  context.onChanged(key);
  return row;
}

/**
 * Copies within the store when an object of this folder is known to have the same bytes: the file was renamed, linked,
 * or only its attributes changed. The file is read and hashed, never trusted. `undefined`: nothing to copy from.
 *
 * @param own what the index knows of the path
 */
export async function copyFile(
  context: FileContext,
  path: Buffer,
  file: SettledFile,
  own: IndexRow | undefined,
): Promise<'copied' | 'unchanged' | undefined> {
  const { folder, store, index, log, metrics } = context;
  const { key, state } = file;
  for (const source of candidates(context, path, own, state)) {
    const sourceKey = fileKey(folder.prefix, decodeName(source.path), printableName(source.path));
    if (!(await hasContentOf(file, source))) continue;
    file.checkpoint();
    const attributes = attributesOf(context, key, state, source.md5, source.partBytes);
    const present = await store.head(key);
    const { md5, partBytes } = source;
    const known = (object: ObjectHead | undefined) => {
      if (object === undefined) return 'not copied';
      const { etag, versionId } = object;
      return putRow(index, file, syncedRow(context, path, state, { etag, versionId, md5, partBytes }));
    };
    const upToDate = present?.etag === source.etag && carries(present, attributes);
    const row = upToDate
      ? known(present)
      : await notingSent(
          context,
          path,
          (sending) => {
            sending({ sizeBytes: state.sizeBytes, metadata: attributes.metadata });
            return copyWithin(context, source, sourceKey, key, attributes);
          },
          known,
        );
    if (row === 'not copied') continue;
    if (row === undefined) throw changed(key);
    if (upToDate) return 'unchanged';
    log.info('copied', { key, from: sourceKey, bytes: state.sizeBytes });
    metrics.done(folder.name, 'copied', state.sizeBytes);
    context.onChanged(key);
    return 'copied';
  }
  return undefined;
}

/** `undefined`: somebody touched the file meanwhile. */
function putRow(index: HostIndex, file: SettledFile, row: SyncedRow): SyncedRow | undefined {
  let untouched = false;
  try {
    untouched = file.untouched();
  } finally {
    // Else the object is ours all the same: if the file is gone by now, a mirror has to delete it.
    index.put(untouched ? row : { ...row, state: 'waiting' });
  }
  return untouched ? row : undefined;
}

/** What a file's object has beside its bytes. `md5` empty: they went in parts of `partBytes`. */
function attributesOf(
  { folder }: FileContext,
  key: ObjectKey,
  state: FileState,
  md5: string | undefined,
  partBytes: number,
): PutOptions {
  const type = contentType(key);
  return {
    metadata: fileMetadata({ ...(folder.metadata ? state : {}), md5: md5 ?? '', partBytes }),
    ...(type === undefined ? {} : { contentType: type }),
    ...(folder.storageClass === undefined ? {} : { storageClass: folder.storageClass }),
    ...(folder.encryption === undefined
      ? {}
      : {
          encryption: {
            type: folder.encryption.type,
            ...(folder.encryption.keyId === undefined ? {} : { keyId: folder.encryption.keyId }),
          },
        }),
  };
}

export function syncedRow(
  { folder }: FileContext,
  path: Buffer,
  state: FileState,
  object: { etag: string; versionId?: string | undefined; md5: string; partBytes: number },
): SyncedRow {
  const { dev, ino, sizeBytes, mtimeNs, ctimeNs } = state;
  return {
    folder: folder.name,
    path,
    dev,
    ino,
    sizeBytes,
    mtimeNs,
    ctimeNs,
    md5: object.md5,
    partBytes: object.partBytes,
    etag: object.etag,
    versionId: object.versionId ?? '',
    state: 'synced',
    attempts: 0,
    nextAttemptMs: 0,
    lastError: '',
  };
}

/** The file's own object first: then only its attributes can have changed. */
function candidates(
  { folder, index }: FileContext,
  path: Buffer,
  own: IndexRow | undefined,
  state: FileState,
): IndexRow[] {
  const linked = index.byInode(folder.name, state.dev, state.ino).filter((row) => !row.path.equals(path));
  return [...(own === undefined ? [] : [own]), ...linked].filter(
    (row) => row.etag !== '' && row.sizeBytes === state.sizeBytes && state.sizeBytes > 0,
  );
}

async function hasContentOf(
  { fd, state }: SettledFile,
  { md5, etag, partBytes }: IndexRow,
): Promise<boolean> {
  if (md5 !== '') return (await hashFile(fd, state.sizeBytes, 0)) === md5;
  return partBytes > 0 && (await hashFile(fd, state.sizeBytes, partBytes)) === etag;
}

/** In the parts it was sent in, so that the copy gets the same ETag. */
async function copyWithin(
  { store, parts }: FileContext,
  source: IndexRow,
  sourceKey: ObjectKey,
  key: ObjectKey,
  attributes: PutOptions,
): Promise<ObjectHead | undefined> {
  const head: ObjectHead = {
    key: sourceKey,
    etag: source.etag,
    sizeBytes: source.sizeBytes,
    lastModifiedMs: 0,
    metadata: {},
  };
  const ranges = source.partBytes === 0 ? 'whole' : rangesOf(source.sizeBytes, source.partBytes);
  try {
    const plan = {
      do: 'copy',
      way: 'server',
      parts: ranges,
      attributes,
      reason: 'the store has the bytes',
    } as const;
    const { etag } = await copyObject({ hub: store, destination: store, budget: parts }, plan, head, key);
    const copied = await store.head(key);
    return copied?.etag === etag && copied.sizeBytes === source.sizeBytes ? copied : undefined;
  } catch (error) {
    if (!(error instanceof SyncError) || !SOURCE_MOVED.has(error.code ?? '')) throw error;
    return undefined;
  }
}

function carries(object: ObjectHead, { metadata, contentType: type }: PutOptions): boolean {
  const names = Object.keys(metadata);
  return (
    names.every((name) => object.metadata[name] === metadata[name]) &&
    (type === undefined || object.contentType === type)
  );
}

/** Then an ETag says nothing of the content: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html */
function encryptedByKms({ folder, capabilities }: FileContext): boolean {
  return (folder.encryption?.type ?? capabilities()?.encryption) === 'aws:kms';
}
