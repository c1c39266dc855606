import { expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import type { ObjectHead } from '#core/ports.ts';
import { isSent } from '../../edge-agent/unconfirmed.ts';

const MD5 = '9a0364b9e99bb480dd25e1f0284c8555';
const MTIME = '1700000000.123456789';
const whole = { sizeBytes: 7, metadata: { mtime: MTIME, mode: '644', 'sluice-md5': MD5 } };
const inParts = { sizeBytes: 7, metadata: { mtime: MTIME, 'sluice-part-bytes': '5' } };

const head = (changes: Partial<ObjectHead> = {}): ObjectHead => ({
  key: objectKey('k'),
  etag: 'of the store',
  lastModifiedMs: 0,
  ...whole,
  ...changes,
});

it.each([
  ['has all that travelled with it', head(), whole, true],
  ['has more beside', head({ metadata: { ...whole.metadata, other: 'x' } }), whole, true],
  ['has the MD5 as its ETag', head({ md5: MD5 }), whole, true],
  ['came in parts, and has the time', head(inParts), inParts, true],
  ['has another size', head({ sizeBytes: 8 }), whole, false],
  [
    'has another time',
    head({ metadata: { ...whole.metadata, mtime: '1700000000.123456788' } }),
    whole,
    false,
  ],
  ['lacks one of the names', head({ metadata: { mtime: MTIME, 'sluice-md5': MD5 } }), whole, false],
  ['has other bytes under the old metadata', head({ md5: MD5.replace('9', '8') }), whole, false],
  ['is a stranger', head({ metadata: {} }), whole, false],
  [
    'has nothing that tells it from a stranger',
    head({ metadata: {} }),
    { sizeBytes: 7, metadata: {} },
    false,
  ],
])('an object that %s', (_what, object, sent, taken) => {
  expect(isSent(object, sent)).toBe(taken);
});
