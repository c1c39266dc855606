/** What it takes for a destination to hold what the hub holds of one key. Decided from the present state of both. */
import { MIN_PART_BYTES, partSizeBytes, rangesOf } from './parts.ts';
import type { ByteRange, ObjectAttributes, ObjectHead } from './ports.ts';

/** Metadata of a mirrored object: the hub's ETag whose bytes it has. */
export const SOURCE_ETAG = 'sluice-source-etag';
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html#UserMetadata */
const MAX_METADATA_BYTES = 2048;

const MIB = 1024 * 1024;
/** Streamed parts are held in memory; the server's own are not, and fewer of them are quicker. */
const CUT: CopyCut = { wholeUpTo: 64 * MIB, stream: 16 * MIB, server: 256 * MIB };

const CONTENT_HEADERS = [
  'contentType',
  'contentEncoding',
  'contentLanguage',
  'contentDisposition',
  'cacheControl',
] as const;

export type CopyWay = 'server' | 'stream';

/** Bytes from which on an object is copied in parts, and of a part of each way. */
export type CopyCut = Readonly<Record<'wholeUpTo' | CopyWay, number>>;

export type MirrorPlan =
  | { do: 'copy'; way: CopyWay; parts: 'whole' | ByteRange[]; attributes: ObjectAttributes; reason: string }
  | { do: 'delete'; ifMatch: string; reason: string }
  /** `holds`: the hub's ETag that the destination is known to have, `''` for nothing, absent when it keeps another. */
  | { do: 'nothing'; holds?: string; reason: string };

/**
 * | source  | destination         | deletes | plan    |
 * | ------- | ------------------- | ------- | ------- |
 * | absent  | absent              | any     | nothing |
 * | absent  | present             | no      | nothing |
 * | absent  | present             | yes     | delete  |
 * | present | the same object     | any     | nothing |
 * | present | absent or different | any     | copy    |
 */
export function planMirror(
  source: ObjectHead | undefined,
  destination: ObjectHead | undefined,
  settings: { way: CopyWay; deletes: boolean; cut?: CopyCut },
): MirrorPlan {
  if (source === undefined) {
    if (destination === undefined) return { do: 'nothing', holds: '', reason: 'neither side has it' };
    if (!settings.deletes) return { do: 'nothing', reason: 'deletes are not mirrored to this destination' };
    return { do: 'delete', ifMatch: destination.etag, reason: 'the source no longer has it' };
  }
  if (destination !== undefined && isUpToDate(source, destination)) {
    return { do: 'nothing', holds: source.etag, reason: 'the destination is up to date' };
  }
  return {
    do: 'copy',
    way: settings.way,
    parts: partsOf(source.sizeBytes, settings.way, settings.cut),
    attributes: mirroredAttributes(source),
    reason: destination === undefined ? 'the destination lacks it' : 'the destination has another state',
  };
}

/** Whether the destination has the source's bytes, metadata and content headers. */
function isUpToDate(source: ObjectHead, destination: ObjectHead): boolean {
  return holdsBytesOf(source, destination) && carriesAttributesOf(source, destination);
}

/** By the mark of the copy, of whichever it is one; or by equal ETags where they are MD5s. */
function holdsBytesOf(source: ObjectHead, destination: ObjectHead): boolean {
  if (destination.sizeBytes !== source.sizeBytes) return false;
  if (destination.metadata[SOURCE_ETAG] === source.etag) return true;
  // Where MD5s tell, a mark that somebody has kept beside other bytes does not.
  const toldByMd5 = source.md5 !== undefined && destination.md5 !== undefined;
  if (!toldByMd5 && source.metadata[SOURCE_ETAG] === destination.etag) return true;
  return destination.etag === source.etag && isMd5(source.etag);
}

/** What the copy carries: everything of the source, and the mark where the store's limit leaves room for it. */
export function mirroredAttributes(source: ObjectHead): ObjectAttributes {
  const marked = { ...source.metadata, [SOURCE_ETAG]: source.etag };
  const bytes = Object.entries(marked).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  const attributes: ObjectAttributes = { metadata: bytes > MAX_METADATA_BYTES ? source.metadata : marked };
  for (const name of CONTENT_HEADERS) {
    const value = source[name];
    if (value !== undefined) attributes[name] = value;
  }
  return attributes;
}

/** The ranges of the parts, equal but for the last; parts grow so that there are never too many of them. */
export function partsOf(sizeBytes: number, way: CopyWay, cut = CUT): 'whole' | ByteRange[] {
  if (sizeBytes <= cut.wholeUpTo) return 'whole';
  return rangesOf(sizeBytes, partSizeBytes(sizeBytes, cut[way]));
}

/**
 * The ranges of the parts in which the source was sent, where a copy can be streamed in the same ones: if they are equal
 * but for the last, as those of most clients. Their number and the size of the first do not tell for certain.
 */
export function sourceParts(
  { sizeBytes, partCount }: ObjectHead,
  firstBytes: number,
): ByteRange[] | undefined {
  if (firstBytes < MIN_PART_BYTES || firstBytes > CUT.wholeUpTo) return undefined;
  const ranges = rangesOf(sizeBytes, firstBytes);
  return ranges.length === partCount ? ranges : undefined;
}

/** A plain upload's ETag is the MD5 of its bytes; one with a hyphen is that of a multipart upload. */
export function isMd5(etag: string): boolean {
  return /^[0-9a-f]{32}$/.test(etag);
}

/** A store may add a default where the source says nothing, but what the source says must be there. */
function carriesAttributesOf(source: ObjectHead, destination: ObjectHead): boolean {
  const { [SOURCE_ETAG]: _mark, ...carried } = destination.metadata;
  const { [SOURCE_ETAG]: _chained, ...wanted } = source.metadata;
  const names = Object.keys(wanted);
  return (
    names.length === Object.keys(carried).length &&
    names.every((name) => carried[name] === wanted[name]) &&
    CONTENT_HEADERS.every((name) => source[name] === undefined || source[name] === destination[name])
  );
}
