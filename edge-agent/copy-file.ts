/** A settled file under its key by a copy within the store, where that has the bytes already. */
import { copyObject } from '#adapters/copy-object.ts';
import { hashFile } from '#adapters/host/file-hash.ts';
import type { IndexRow } from '#adapters/host/index-db.ts';
import type { FileState } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { fileKey } from '#core/file-key.ts';
import type { ObjectKey } from '#core/key.ts';
import { CTIME_METADATA } from '#core/metadata.ts';
import { rangesOf } from '#core/parts.ts';
import type { ObjectHead, PutOptions } from '#core/ports.ts';
import { requireNotOlder } from './older-file.ts';
import { decodeName, printableName } from './path-bytes.ts';
import { attributesOf, putRow, syncedRow } from './put-file.ts';
import { changed, type FileContext, type SettledFile, tickOver } from './settled-file.ts';
import { noteSent, notingSent } from './unconfirmed.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; the object to copy from is not what it was. */
const SOURCE_MOVED = new Set(['PreconditionFailed', 'NoSuchKey', 'NotFound', 'InvalidRange']);

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
    const sent = { sizeBytes: state.sizeBytes, metadata: attributes.metadata };
    if (present !== undefined && !upToDate) await requireNotOlder(context, path, file);
    if (upToDate) await tickOver(state);
    const row = upToDate
      ? known(present)
      : await notingSent(
          context,
          path,
          async (sending) => {
            sending(sent);
            const copied = await copyWithin(context, source, sourceKey, key, attributes);
            await tickOver(state);
            return copied;
          },
          known,
        );
    if (row === 'not copied') {
      // Whoever says that it is not there may be wrong.
      noteSent(context, path, sent);
      continue;
    }
    if (row === undefined) throw changed(key);
    if (upToDate) return 'unchanged';
    log.info('copied', { key, from: sourceKey, bytes: state.sizeBytes });
    metrics.done(folder.name, 'copied', state.sizeBytes);
    context.onChanged(key);
    return 'copied';
  }
  return undefined;
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

/** A link more or less gives the file a new ctime: that alone is not worth a new version. */
function carries(object: ObjectHead, { metadata, contentType: type }: PutOptions): boolean {
  const names = Object.keys(metadata).filter((name) => name !== CTIME_METADATA);
  return (
    names.every((name) => object.metadata[name] === metadata[name]) &&
    (type === undefined || object.contentType === type)
  );
}
