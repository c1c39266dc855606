/** A file system that keeps no fractions of a second: real files, whose times are told as such a one would. */
import { linkSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { objectKey } from '#core/key.ts';
import { mirrorSetup } from './mirror-setup.ts';

const times = vi.hoisted(() => ({ whole: false }));

vi.mock(import('node:fs'), async (original) => {
  const { tellingTimes } = await import('./told-times.ts');
  const second = (ns: bigint) => ns - (ns % 1_000_000_000n);
  return tellingTimes(await original(), ({ mtimeNs, ctimeNs }) =>
    times.whole ? { mtimeNs: second(mtimeNs), ctimeNs: second(ctimeNs) } : undefined,
  );
});

it('brings what was written within the second in which the file was synced, though its size is the same', async () => {
  const { path, store, context, mirror } = mirrorSetup();
  const second = Math.floor(Date.now() / 1000) + 1;
  for (const name of ['before', 'unchanged']) {
    writeFileSync(path(name), 'first');
    utimesSync(path(name), second, second);
    await mirror(name);
  }
  await store.put(objectKey('out/adopted'), Buffer.from('first'), { metadata: {} });
  context.adopting = () => ({ found: true });
  times.whole = true;
  onTestFinished(() => {
    times.whole = false;
  });
  // The clock of the file times is some milliseconds behind.
  await expect.poll(() => Date.now(), { timeout: 5_000, interval: 20 }).toBeGreaterThan(second * 1000 + 20);
  renameSync(path('before'), path('copied'));
  linkSync(path('unchanged'), path('link'));
  for (const name of ['uploaded', 'adopted']) writeFileSync(path(name), 'first');
  const looks = { uploaded: 'uploaded', copied: 'copied', unchanged: 'unchanged', adopted: 'unchanged' };
  await Promise.all(
    Object.entries(looks).map(async ([name, done]) => {
      expect(await mirror(name)).toEqual({ done });
      writeFileSync(path(name), 'other');
      await mirror(name);
      expect(String(store.contents(objectKey(`out/${name}`))), name).toBe('other');
    }),
  );
});
