/** What a store has of uploads in parts that are not finished. */
import { SyncError } from '#core/errors.ts';
import type { OpenUpload, PartResult } from '#core/ports.ts';
import { unquote } from './headers.ts';
import { badListing, decodeListed, listedKey, listedSize, listedTimeMs, listingOf } from './list.ts';
import type { Wire } from './wire.ts';
import { itemsAt, textAt } from './xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html */
export async function* openUploads(wire: Wire, prefix: string): AsyncGenerator<OpenUpload> {
  const op = 'ListMultipartUploads';
  let marker: { key: string; uploadId: string } | undefined;
  do {
    const response = await wire.send({
      op,
      method: 'GET',
      query: {
        uploads: '',
        'encoding-type': 'url',
        prefix,
        ...(marker === undefined ? {} : { 'key-marker': marker.key, 'upload-id-marker': marker.uploadId }),
      },
    });
    const text = await response.body.text();
    const result = listingOf(text, 'ListMultipartUploadsResult', op, wire.bucket);
    const encoded = textAt(result, 'EncodingType') === 'url';
    for (const item of itemsAt(result, 'Upload')) {
      const key = listedKey(textAt(item, 'Key'), encoded, prefix, op, wire.bucket);
      const uploadId = textAt(item, 'UploadId');
      if (!uploadId) throw badListing(op, wire.bucket, `has no UploadId for ${key}`);
      yield { key, uploadId, initiatedMs: listedTimeMs(textAt(item, 'Initiated'), op, wire.bucket, key) };
    }
    const next =
      textAt(result, 'IsTruncated') === 'true'
        ? {
            key: decodeListed(textAt(result, 'NextKeyMarker') ?? '', encoded, op, wire.bucket),
            uploadId: textAt(result, 'NextUploadIdMarker') ?? '',
          }
        : undefined;
    // A store that answers the same place again would be listed for ever.
    if (
      next !== undefined &&
      next.key === (marker?.key ?? '') &&
      next.uploadId === (marker?.uploadId ?? '')
    ) {
      throw badListing(op, wire.bucket, 'repeats its marker');
    }
    marker = next;
  } while (marker !== undefined);
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html */
export async function* listedParts(
  wire: Wire,
  key: string,
  uploadId: string,
): AsyncGenerator<PartResult & { sizeBytes: number }> {
  const op = 'ListParts';
  let marker: string | undefined;
  do {
    const query = { uploadId, ...(marker === undefined ? {} : { 'part-number-marker': marker }) };
    let text: string;
    try {
      const response = await wire.send({ op, method: 'GET', key, query });
      text = await response.body.text();
    } catch (error) {
      if (error instanceof SyncError && error.code === 'NoSuchUpload') return;
      throw error;
    }
    const result = listingOf(text, 'ListPartsResult', op, wire.bucket);
    for (const item of itemsAt(result, 'Part')) {
      const partNumber = Number(textAt(item, 'PartNumber') || Number.NaN);
      const etag = unquote(textAt(item, 'ETag') ?? '');
      if (!Number.isSafeInteger(partNumber) || etag === '') {
        throw badListing(op, wire.bucket, `has a part of ${key} without number or ETag`);
      }
      yield { partNumber, etag, sizeBytes: listedSize(textAt(item, 'Size'), op, wire.bucket, key) };
    }
    const truncated = textAt(result, 'IsTruncated') === 'true';
    const next = truncated ? textAt(result, 'NextPartNumberMarker') : undefined;
    // Parts that are not listed would be sent again; a marker that repeats would be followed for ever.
    if (truncated && (!next || next === marker)) throw badListing(op, wire.bucket, 'repeats its marker');
    marker = next;
  } while (marker !== undefined);
}
