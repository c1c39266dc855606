/** Listing a bucket, page by page. */
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectSummary } from '#core/ports.ts';
import { unquote } from './headers.ts';
import type { Wire } from './wire.ts';
import { parseXml, textAt } from './xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html; url encoding carries control characters. */
export async function* listObjects(wire: Wire, prefix: string): AsyncGenerator<ObjectSummary> {
  let token: string | undefined;
  do {
    const response = await wire.send({
      op: 'ListObjectsV2',
      method: 'GET',
      query: {
        'list-type': '2',
        'encoding-type': 'url',
        prefix,
        ...(token === undefined ? {} : { 'continuation-token': token }),
      },
    });
    const result = parseXml(await response.body.text()).ListBucketResult;
    if (typeof result !== 'object' || result === null) throw failed(wire.bucket, 'is not a ListBucketResult');
    const encoded = textAt(result, 'EncodingType') === 'url';
    const contents = (result as { Contents?: unknown[] }).Contents ?? [];
    for (const item of contents) {
      const key = textAt(item, 'Key') ?? '';
      yield {
        key: objectKey(encoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key),
        sizeBytes: Number(textAt(item, 'Size') ?? 0),
        etag: unquote(textAt(item, 'ETag') ?? ''),
        lastModifiedMs: Date.parse(textAt(item, 'LastModified') ?? '') || 0,
      };
    }
    const next =
      textAt(result, 'IsTruncated') === 'true' ? textAt(result, 'NextContinuationToken') : undefined;
    // A store that answers the same token again would be listed for ever.
    if (next !== undefined && next === token) throw failed(wire.bucket, 'repeats its continuation token');
    token = next;
  } while (token !== undefined);
}

function failed(bucket: string, what: string): SyncError {
  return new SyncError(`ListObjectsV2 ${bucket}: the answer ${what}`, {
    op: 'ListObjectsV2',
    retryable: false,
    code: 'BadListing',
    hint: 'The store does not answer as S3 does; nothing was concluded from this listing.',
  });
}
