/** Whether an object counts as the file, by what a user wants compared. */
import { parseFileMetadata } from './metadata.ts';
import { isMd5 } from './mirror-plan.ts';
import type { ObjectHead } from './ports.ts';
import type { FolderSettings } from './settings/agent.ts';

/** Facts of a file; hashing is asked for only when it is needed. */
export interface ComparedFile {
  sizeBytes: number;
  /** As in the metadata of an object: seconds with nine decimals. */
  mtime: string;
  /** MD5 hex of the whole, or with `partBytes` what the ETag of an object sent in such parts is. */
  hash(partBytes: number): Promise<string>;
}

export interface Comparison {
  /** `unknown`: the content was to be compared, and the object tells too little of it. */
  verdict: 'same' | 'other' | 'unknown';
  /** Of the parts in which a `same` object was sent, as far as that was looked at; 0: whole. */
  partBytes: number;
}

/** @param firstPartBytes asks the store for the part size of an object that came in parts, when nothing else tells */
export async function compareObject(
  compare: FolderSettings['compare'],
  file: ComparedFile,
  object: ObjectHead,
  firstPartBytes: () => Promise<number | undefined>,
): Promise<Comparison> {
  const verdict = (same: boolean | undefined, partBytes = 0): Comparison => ({
    verdict: same === undefined ? 'unknown' : same ? 'same' : 'other',
    partBytes,
  });
  if (compare === 'presence') return verdict(true);
  if (object.sizeBytes !== file.sizeBytes) return verdict(false);
  if (compare === 'size') return verdict(true);
  if (compare === 'mtime') {
    const { mtime } = object.metadata;
    return verdict(mtime === undefined ? undefined : wholeSeconds(mtime) === wholeSeconds(file.mtime));
  }
  const metadata = parseFileMetadata(object.metadata);
  if (metadata.md5 !== undefined || isMd5(object.etag)) {
    const hash = await file.hash(0);
    if (hash === object.etag) return verdict(true, metadata.partBytes);
    // Who changes an object in its place may keep its metadata; then the ETag contradicts them.
    const isNamed = hash === metadata.md5;
    return verdict(isNamed && object.md5 !== undefined ? undefined : isNamed, metadata.partBytes);
  }
  if (!/^[0-9a-f]{32}-\d+$/.test(object.etag)) return verdict(undefined);
  const partBytes = metadata.partBytes ?? (await firstPartBytes()) ?? 0;
  if (partBytes === 0) return verdict(undefined);
  // Parts of unequal size give another ETag for the same bytes.
  return verdict((await file.hash(partBytes)) === object.etag ? true : undefined, partBytes);
}

/** Tools differ in how much of a second they keep. */
function wholeSeconds(mtime: string): number {
  return Math.floor(Number(mtime));
}
