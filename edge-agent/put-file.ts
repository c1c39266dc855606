import type { HostIndex, IndexRow } from '#adapters/host/index-db.ts';
import type { FileState } from '#adapters/host/tree.ts';
import { contentType } from '#core/content-type.ts';
import type { ObjectKey } from '#core/key.ts';
import { fileMetadata } from '#core/metadata.ts';
import type { PutOptions } from '#core/ports.ts';
import { requireNotOlder } from './older-file.ts';
import { changed, type FileContext, type SettledFile, tickOver } from './settled-file.ts';
import { notingSent, type Sent } from './unconfirmed.ts';
import { uploadFile } from './upload-file.ts';

/** What the index knows of a synced file. */
export type SyncedRow = IndexRow & { state: 'synced' };

/**
 * Uploads, and answers the row that was put into the index once the store had confirmed every byte.
 *
 * @throws SyncError `Changed` when somebody touched the file meanwhile; the object may then hold what was read, and the
 * caller looks again. `PreconditionFailed` with `ifAbsent` when the key exists; `OlderThanObject` without it.
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
  if (!ifAbsent) await requireNotOlder(context, path, file);
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
    async (sending) => {
      const uploaded = await uploadFile(
        { store, index, parts },
        requestOf(sending),
        settings.limits.partBytes,
      );
      await tickOver(state);
      return uploaded;
    },
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

/** `undefined`: somebody touched the file meanwhile. */
export function putRow(index: HostIndex, file: SettledFile, row: SyncedRow): SyncedRow | undefined {
  let untouched = false;
  try {
    untouched = file.untouched();
  } finally {
    // Else the object is ours all the same: if the file is gone by now, a mirror has to delete it.
    // Its times may be those of the next state too: before Linux 6.13 they tick every few ms.
    index.put(untouched ? row : { ...row, mtimeNs: 0n, state: 'waiting' });
  }
  return untouched ? row : undefined;
}

/** What a file's object has beside its bytes. `md5` empty: they went in parts of `partBytes`. */
export function attributesOf(
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

/** Then an ETag says nothing of the content: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html */
function encryptedByKms({ folder, capabilities }: FileContext): boolean {
  return (folder.encryption?.type ?? capabilities()?.encryption) === 'aws:kms';
}
