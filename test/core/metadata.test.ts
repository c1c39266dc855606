import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fileMetadata, formatTime, parseFileMetadata } from '#core/metadata.ts';

const facts = {
  mtimeNs: 1_700_000_000_123_456_789n,
  ctimeNs: 1_700_000_001_000_000_000n,
  mode: 0o100644,
  uid: 1000,
  gid: 100,
  md5: 'aa',
};

it('writes mtime as rclone does, ctime likewise, and mode as octal permission bits', () => {
  expect(fileMetadata(facts)).toEqual({
    mtime: '1700000000.123456789',
    ctime: '1700000001.000000000',
    mode: '644',
    uid: '1000',
    gid: '100',
    'sluice-md5': 'aa',
  });
});

it('says how the object was cut when only the MD5s of its parts are known', () => {
  expect(fileMetadata({ md5: '', partBytes: 5_242_880 })).toEqual({ 'sluice-part-bytes': '5242880' });
  expect(fileMetadata({ md5: '', partBytes: 0 })).toEqual({});
});

it('keeps nanoseconds before 1970, with one sign for the whole as rclone reads it', () => {
  expect(formatTime(-1n)).toBe('-0.000000001');
  expect(formatTime(-1_500_000_000n)).toBe('-1.500000000');
});

it('reads back whatever it writes', () => {
  const every = fc.record({
    mtimeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    ctimeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    gid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    md5: fc.stringMatching(/^[0-9a-f]{32}$/),
    partBytes: fc.integer({ min: 1, max: 5 * 1024 ** 3 }),
  });
  const some = fc.record(
    { mtimeNs: every.map((one) => one.mtimeNs), md5: every.map((one) => one.md5) },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(every, some), (one) => {
      expect(parseFileMetadata(fileMetadata(one))).toEqual(one);
    }),
  );
});

it.each([
  ['1700000000', 1_700_000_000_000_000_000n],
  ['1700000000.5', 1_700_000_000_500_000_000n],
  ['-1.25', -1_250_000_000n],
  ['0.0000000019', 1n],
])('reads the mtime %s of other tools', (mtime, mtimeNs) => {
  expect(parseFileMetadata({ mtime })).toEqual({ mtimeNs });
});

it('reads the mode that rclone writes with the file type', () => {
  expect(parseFileMetadata({ mode: '100664' })).toEqual({ mode: 0o664 });
});

it('leaves out what is not what it should be', () => {
  const hostile = {
    mtime: ['', 'NaN', '1e9', '0x1', '99999999999.0', '999999999999', '1.', ' 1', '1\n', '--1', '1700-01-01'],
    ctime: ['', 'NaN', '1e9', '999999999999'],
    mode: ['', '8', '-1', '644x', '77777777', '0o644'],
    uid: ['', '-1', '4294967295', '1.5', '1e3', '0x0', 'root', '99999999999999999999'],
    gid: ['4294967296', ' 1', '+1'],
    'sluice-md5': ['', 'A'.repeat(32), 'a'.repeat(31), 'a'.repeat(33), `${'a'.repeat(32)}\n`],
    'sluice-part-bytes': ['0', '-5', '5368709121', '1.5', 'Infinity'],
  };
  for (const [name, values] of Object.entries(hostile)) {
    for (const value of values) expect(parseFileMetadata({ [name]: value }), `${name}: ${value}`).toEqual({});
  }
  const anything = fc.dictionary(fc.constantFrom(...Object.keys(hostile)), fc.string());
  fc.assert(
    fc.property(anything, (metadata) => {
      const { mtimeNs = 0n, mode = 0, uid = 0, gid = 0, partBytes = 1 } = parseFileMetadata(metadata);
      expect(mtimeNs >= -(2n ** 63n) && mtimeNs < 2n ** 63n).toBe(true);
      for (const number of [mode, uid, gid, partBytes]) expect(Number.isSafeInteger(number)).toBe(true);
    }),
  );
});
