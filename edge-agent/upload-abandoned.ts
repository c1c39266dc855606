/** Removes what uploads in parts have left in the store and nobody will finish: it costs money, and no listing shows it. */
import type { HostIndex } from '#adapters/host/index-db.ts';
import type { OpenUploads } from '#adapters/host/index-uploads.ts';
import { type Fingerprint, sameState } from '#adapters/host/tree.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { FolderSettings } from '#core/settings/agent.ts';

const OPTIONS_NOTE = 'upload-options/';
/** No part is of that size: such an upload is begun anew, and its parts are removed. */
const NOT_RESUMED = 0;

export interface AbandonedOptions {
  /** Uploads that the index does not know are left alone until they are so old. */
  olderThanMs: number;
  nowMs: number;
  /** The present state of a file of the folder; `undefined` when no regular file has the name. */
  stateOf(path: Buffer): Fingerprint | undefined;
  onAborted(key: ObjectKey, reason: string): void;
}

/**
 * Aborts the folder's uploads whose file is gone or has changed, and uploads below the prefix that the index does not
 * know. For an agent that owns the prefix: nobody else's uploads may be there.
 */
export async function abortAbandoned(
  store: Pick<ObjectStore, 'abortMultipart' | 'listUploads'>,
  index: Pick<OpenUploads, 'uploads' | 'endUpload'>,
  folder: string,
  prefix: string,
  { olderThanMs, nowMs, stateOf, onAborted }: AbandonedOptions,
): Promise<void> {
  for (const row of index.uploads(folder)) {
    const state = stateOf(row.path);
    if (state !== undefined && sameState(row, state)) continue;
    const key = objectKey(row.key);
    await store.abortMultipart(key, row.uploadId);
    index.endUpload(folder, row.path);
    onAborted(key, state === undefined ? 'its file is gone' : 'its file has changed');
  }
  const known = new Set(index.uploads(folder).map(({ uploadId }) => uploadId));
  for await (const { key, uploadId, initiatedMs } of store.listUploads(prefix)) {
    if (known.has(uploadId) || nowMs - initiatedMs < olderThanMs) continue;
    await store.abortMultipart(key, uploadId);
    onAborted(key, 'nobody will finish it');
  }
}

/**
 * An object gets what its upload was begun with. So where the folder's objects are to have something else from now on, no
 * upload from before goes on. Before the first upload of the folder.
 */
export function resumeNoneWithOtherOptions(index: HostIndex, folder: FolderSettings): void {
  const { name, encryption, storageClass, metadata } = folder;
  const options = JSON.stringify({ encryption, storageClass, metadata });
  if (index.note(OPTIONS_NOTE + name) === options) return;
  for (const row of index.uploads(name)) index.beginUpload({ ...row, partBytes: NOT_RESUMED });
  index.setNote(OPTIONS_NOTE + name, options);
}
