/** Age never removes the only copy of a file that the index took an object for. Real files, a store in memory. */
import { hash } from 'node:crypto';
import { utimesSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expirySetup } from './expire-setup.ts';

const later = () => Date.now() + 2 * 86_400_000;

it.each(['presence', 'size', 'mtime'])(
  'keeps a file for which an object with other bytes was taken by its %s',
  async (compare) => {
    const { path, append, expiry, has } = expirySetup({ mode: 'append', compare });
    const write = (content: string) => {
      writeFileSync(path('f'), content);
      utimesSync(path('f'), 1000, 1000);
    };
    write('first!');
    expect(await append('f')).toEqual({ done: 'uploaded' });
    write('SECOND');
    expect(await append('f')).toEqual({ done: 'unchanged' });
    expect(await expiry.pass(later())).toMatchObject({ files: 0, kept: 1 });
    expect(has('f')).toBe(true);
  },
);

it('keeps a file whose object holds other bytes under the metadata of the file', async () => {
  const { path, put, index, append, expiry, has } = expirySetup({ mode: 'append' });
  writeFileSync(path('f'), 'state=0');
  expect(await append('f')).toEqual({ done: 'uploaded' });
  // As s3fs does it.
  await put('f', 'state=1', { 'sluice-md5': hash('md5', 'state=0') });
  // As after a comparison that has found another object.
  index.remove('in', Buffer.from('f'));
  expect(await append('f')).toMatchObject({ parked: expect.stringContaining('conflict') });
  await expiry.pass(later());
  expect(has('f')).toBe(true);
});
