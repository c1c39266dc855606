import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { mirroredAttributes, partsOf, planMirror, SOURCE_ETAG, sourceParts } from '#core/mirror-plan.ts';
import { MAX_PARTS } from '#core/parts.ts';
import type { ObjectHead } from '#core/ports.ts';

const MD5 = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);
const MULTIPART = `${MD5}-2`;
const MIB = 1024 * 1024;
const head = (fields: Partial<ObjectHead> = {}): ObjectHead => ({
  key: objectKey('k'),
  sizeBytes: 5,
  etag: MD5,
  lastModifiedMs: 0,
  metadata: {},
  ...fields,
});
const marked = (etag: string, fields: Partial<ObjectHead> = {}) =>
  head({ etag: OTHER, ...fields, metadata: { ...fields.metadata, [SOURCE_ETAG]: etag } });
const settings = { way: 'stream', deletes: true } as const;

describe('the plan for one key', () => {
  it.each([
    ['neither side has it', undefined, undefined, { do: 'nothing', holds: '' }],
    ['only the destination has it', undefined, head(), { do: 'delete', ifMatch: MD5 }],
    ['only the source has it', head(), undefined, { do: 'copy' }],
    ['the mark says so', head(), marked(MD5), { do: 'nothing', holds: MD5 }],
    ['the mark names another state', head(), marked(OTHER), { do: 'copy' }],
    ['the mark says so, but the size differs', head(), marked(MD5, { sizeBytes: 4 }), { do: 'copy' }],
    ['both have the same MD5', head(), head(), { do: 'nothing', holds: MD5 }],
    [
      'a multipart ETag is equal by chance',
      head({ etag: MULTIPART }),
      head({ etag: MULTIPART }),
      { do: 'copy' },
    ],
    ['a multipart source was copied', head({ etag: MULTIPART }), marked(MULTIPART), { do: 'nothing' }],
    [
      'metadata differs',
      head({ metadata: { a: '1' } }),
      marked(MD5, { metadata: { a: '2' } }),
      { do: 'copy' },
    ],
    [
      'metadata is carried',
      head({ metadata: { a: '1' } }),
      marked(MD5, { metadata: { a: '1' } }),
      { do: 'nothing' },
    ],
    [
      'the content type differs',
      head({ contentType: 'a/b' }),
      marked(MD5, { contentType: 'c/d' }),
      { do: 'copy' },
    ],
    ['the store adds a type', head(), marked(MD5, { contentType: 'binary/octet-stream' }), { do: 'nothing' }],
  ])('when %s', (_when, source, destination, plan) => {
    expect(planMirror(source, destination, settings)).toMatchObject(plan);
  });

  it('never deletes where deletes are not mirrored, and does not claim that the copy is gone', () => {
    const plan = planMirror(undefined, head(), { way: 'stream', deletes: false });
    expect(plan).toEqual({ do: 'nothing', reason: 'deletes are not mirrored to this destination' });
  });

  it('carries metadata and content headers, marked with the ETag they came with', () => {
    const source = head({ metadata: { mtime: '1.5' }, contentType: 'text/plain', cacheControl: 'no-cache' });
    expect(mirroredAttributes(source)).toEqual({
      metadata: { mtime: '1.5', [SOURCE_ETAG]: MD5 },
      contentType: 'text/plain',
      cacheControl: 'no-cache',
    });
  });

  it('leaves the mark out rather than exceed the limit of 2 KB', () => {
    const metadata = { big: 'x'.repeat(2000) };
    expect(mirroredAttributes(head({ metadata }))).toEqual({ metadata });
  });
});

describe('parts', () => {
  it('begin above 64 MiB', () => {
    expect(partsOf(64 * MIB, 'stream')).toBe('whole');
    expect(partsOf(64 * MIB + 1, 'stream')).toHaveLength(5);
    expect(partsOf(0, 'server')).toBe('whole');
  });

  it('cover any size exactly, within 10,000 of at least 5 MiB and at most 5 GiB', () => {
    const sizes = fc.integer({ min: 64 * MIB + 1, max: 5 * 1024 ** 4 });
    fc.assert(
      fc.property(sizes, fc.constantFrom('server' as const, 'stream' as const), (sizeBytes, way) => {
        const parts = partsOf(sizeBytes, way);
        if (parts === 'whole') throw new Error('too large for one piece');
        expect(parts.length).toBeLessThanOrEqual(MAX_PARTS);
        let next = 0;
        for (const [index, { start, end }] of parts.entries()) {
          if (start !== next || end < start || end - start + 1 > 5 * 1024 ** 3)
            throw new Error(`part ${index}`);
          if (index < parts.length - 1 && end - start + 1 < 5 * MIB) throw new Error(`small part ${index}`);
          next = end + 1;
        }
        expect(next).toBe(sizeBytes);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['4 of 20 MiB, the last shorter', 66 * MIB, 4, 20 * MIB, 4],
    ['fewer than fit the first', 66 * MIB, 3, 20 * MIB, undefined],
    ['smaller than a destination takes', 66 * MIB, 17, 4 * MIB, undefined],
    ['larger than is held at once', 66 * MIB, 2, 65 * MIB, undefined],
    ['one', 66 * MIB, 1, 66 * MIB, undefined],
    ['unknown', 66 * MIB, 4, 0, undefined],
  ])('are those of the source where its own are: %s', (_what, sizeBytes, partCount, firstBytes, expected) => {
    expect(sourceParts(head({ sizeBytes, partCount }), firstBytes)?.length).toBe(expected);
  });
});
