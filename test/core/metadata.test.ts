import { expect, it } from 'vitest';
import { fileMetadata } from '#core/metadata.ts';

const facts = { mtimeNs: 1_700_000_000_123_456_789n, mode: 0o100644, uid: 1000, gid: 100, md5: 'aa' };

it('writes mtime as rclone does, and mode as octal permission bits', () => {
  expect(fileMetadata(facts)).toEqual({
    mtime: '1700000000.123456789',
    mode: '644',
    uid: '1000',
    gid: '100',
    'sluice-md5': 'aa',
  });
});

it('keeps nanoseconds before 1970', () => {
  expect(fileMetadata({ ...facts, mtimeNs: -1n }).mtime).toBe('-1.999999999');
  expect(fileMetadata({ ...facts, mtimeNs: -1_500_000_000n }).mtime).toBe('-2.500000000');
});
