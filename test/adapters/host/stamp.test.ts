import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDirectoryReader } from '#adapters/host/directory-reader.ts';
import { fingerprintOf, inodeStampOf, STAMP_BYTES, stampOf } from '#adapters/host/stamp.ts';
import { statOf } from '#adapters/host/tree.ts';

const unsigned = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const time = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const fingerprint = fc.record({
  dev: unsigned,
  ino: unsigned,
  sizeBytes: fc.maxSafeNat(),
  mtimeNs: time,
  ctimeNs: time,
});

test('a stamp holds the whole fingerprint, also of times before 1970', () => {
  fc.assert(
    fc.property(fingerprint, (one) => {
      const stamp = stampOf(one);
      expect(stamp.length).toBe(STAMP_BYTES);
      expect(fingerprintOf(stamp)).toEqual(one);
      expect(stamp.subarray(0, 16)).toEqual(inodeStampOf(one.dev, one.ino));
    }),
  );
});

test.each(['/dev/null', '/usr/bin', import.meta.filename])(
  'the kernel’s answer about %s makes the same stamp as the state that Node reads',
  (path) => {
    const reader = createDirectoryReader();
    reader.open(Buffer.from('/'));
    const seen = reader.look(path.slice(1));
    const state = statOf(Buffer.from(path));
    expect(seen?.stamp).toEqual(stampOf(state));
    expect(seen).toMatchObject({ mode: state.mode, uid: state.uid, gid: state.gid, nlink: state.nlink });
    reader.close();
  },
);
