/** Listing a bucket, page by page. */
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectSummary } from '#core/ports.ts';
import { compareUtf8 } from '#core/utf8.ts';
import { unquote } from './headers.ts';
import type { Wire } from './wire.ts';
import { itemsAt, parseXml, textAt } from './xml.ts';

interface Page {
  objects: ObjectSummary[];
  /** Of the next page, when there is one. */
  token: string | undefined;
}

const OP = 'ListObjectsV2';

export async function* listObjects(
  wire: Wire,
  prefix: string,
  { after, ahead = false }: { after?: ObjectKey; ahead?: boolean } = {},
): AsyncGenerator<ObjectSummary> {
  let page = readPage(wire, prefix, after === undefined ? {} : { 'start-after': after });
  for (;;) {
    const { objects, token } = await page;
    const ask = (next: string) => readPage(wire, prefix, { 'continuation-token': next });
    const asked = ahead && token !== undefined ? ask(token) : undefined;
    // Whoever stops here does not need it; whoever goes on is told by the next turn.
    asked?.catch(() => undefined);
    for (const object of objects) {
      // A store that does not know start-after lists from the beginning.
      if (after === undefined || compareUtf8(object.key, after) > 0) yield object;
    }
    if (token === undefined) return;
    page = asked ?? ask(token);
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html; url encoding carries control characters. */
async function readPage(wire: Wire, prefix: string, place: Readonly<Record<string, string>>): Promise<Page> {
  const query = { 'list-type': '2', 'encoding-type': 'url', prefix, ...place };
  const response = await wire.send({ op: OP, method: 'GET', query });
  const result = listingOf(await response.body.text(), 'ListBucketResult', OP, wire.bucket);
  const encoded = textAt(result, 'EncodingType') === 'url';
  const objects = itemsAt(result, 'Contents').map((item) => {
    const key = listedKey(textAt(item, 'Key'), encoded, prefix, OP, wire.bucket);
    return {
      key,
      sizeBytes: listedSize(textAt(item, 'Size'), OP, wire.bucket, key),
      etag: unquote(textAt(item, 'ETag') ?? ''),
      lastModifiedMs: listedTimeMs(textAt(item, 'LastModified'), OP, wire.bucket, key),
    };
  });
  const truncated = textAt(result, 'IsTruncated') === 'true';
  const token = truncated ? textAt(result, 'NextContinuationToken') : undefined;
  // What is not listed would be taken for absent.
  if (truncated && !token) throw badListing(OP, wire.bucket, 'is truncated and does not say how to go on');
  // A store that answers the same token again would be listed for ever.
  if (token !== undefined && token === place['continuation-token'])
    throw badListing(OP, wire.bucket, 'repeats its continuation token');
  return { objects, token };
}

/** An answer without a length that is cut off looks complete to HTTP, and lenient parsers close what is open. */
export function listingOf(text: string, name: string, op: string, bucket: string): object {
  const result = text.trimEnd().endsWith(`</${name}>`) ? parseXml(text)[name] : undefined;
  if (typeof result === 'object' && result !== null) return result;
  throw badListing(op, bucket, `is not a whole ${name}`);
}

/** A key outside the prefix belongs to somebody else: nothing may be concluded, and nothing done, from such a list. */
export function listedKey(
  text: string | undefined,
  encoded: boolean,
  prefix: string,
  op: string,
  bucket: string,
): ObjectKey {
  const key = decodeListed(text ?? '', encoded, op, bucket);
  if (key === '') throw badListing(op, bucket, 'has an entry without a key');
  if (!key.startsWith(prefix)) throw badListing(op, bucket, `has ${key}, which is not below ${prefix}`);
  return objectKey(key);
}

export function decodeListed(text: string, encoded: boolean, op: string, bucket: string): string {
  if (!encoded) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw badListing(op, bucket, `has ${text}, which is no encoded key`);
  }
}

/** An unreadable time would make an object as old as 1970, and the first that retention removes. */
export function listedTimeMs(text: string | undefined, op: string, bucket: string, key: string): number {
  const timeMs = Date.parse(text ?? '');
  if (Number.isNaN(timeMs)) throw badListing(op, bucket, `has no readable time for ${key}`);
  return timeMs;
}

export function badListing(op: string, bucket: string, what: string): SyncError {
  return new SyncError(`${op} ${bucket}: the answer ${what}`, {
    op,
    retryable: false,
    code: 'BadListing',
    hint: 'The store does not answer as S3 does; nothing was concluded from this listing.',
  });
}

export function listedSize(text: string | undefined, op: string, bucket: string, key: string): number {
  const sizeBytes = Number(text || Number.NaN);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw badListing(op, bucket, `has no readable size for ${key}`);
  }
  return sizeBytes;
}
