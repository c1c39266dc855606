import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import type { UploadRow } from '#adapters/host/index-uploads.ts';
import { temporaryFolder } from './folder.ts';
import { FINGERPRINT } from './index-rows.ts';

const PATH = Buffer.from([0x61, 0xff, 0x00]);
const MIB = 1024 * 1024;

function upload(change: Partial<UploadRow> = {}): UploadRow {
  return {
    folder: 'out',
    path: PATH,
    ...FINGERPRINT,
    key: 'out/ü',
    uploadId: 'u1',
    partBytes: 5 * MIB,
    parts: [],
    ...change,
  };
}

test('an upload that was begun is on disk at once, and its parts come back in their order', () => {
  const file = join(temporaryFolder(), 'index.db');
  const first = openIndex(file);
  first.beginUpload(upload());
  const second = openIndex(file);
  expect(second.upload('out', PATH)).toEqual(upload());
  for (const partNumber of [10_000, 2, 1]) first.addPart('out', PATH, { partNumber, etag: `e${partNumber}` });
  first.close();
  const parts = [1, 2, 10_000].map((partNumber) => ({ partNumber, etag: `e${partNumber}` }));
  expect(second.upload('out', PATH)).toEqual(upload({ parts }));
  second.addPart('out', PATH, { partNumber: 2, etag: 'again' });
  expect(second.upload('out', PATH)?.parts[1]).toEqual({ partNumber: 2, etag: 'again' });
  second.close();
});

test('an upload that is begun anew has no parts of the one before, and one that has ended is gone', () => {
  const index = openIndex(join(temporaryFolder(), 'index.db'));
  const other = upload({ path: Buffer.from('b'), parts: [{ partNumber: 1, etag: 'theirs' }] });
  index.beginUpload(other);
  index.beginUpload(upload());
  index.addPart('out', PATH, { partNumber: 1, etag: 'old' });
  index.beginUpload(upload({ uploadId: 'u2' }));
  expect(index.uploads('out')).toEqual([upload({ uploadId: 'u2' }), other]);
  index.endUpload('out', PATH);
  expect(index.upload('out', PATH)).toBeUndefined();
  expect(index.uploads('out')).toEqual([other]);
  expect(index.uploads('other')).toEqual([]);
  index.close();
});
