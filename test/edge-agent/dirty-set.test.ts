import { expect, it } from 'vitest';
import { createDirtySet } from '../../edge-agent/dirty-set.ts';

const path = (text: string) => Buffer.from(text, 'latin1');

it('works on one path at a time and again when it was marked meanwhile', async () => {
  const log: string[] = [];
  const gates: (() => void)[] = [];
  const set = createDirtySet(4, async (one) => {
    log.push(`start ${one}`);
    await new Promise<void>((resolve) => gates.push(resolve));
    log.push(`end ${one}`);
  });
  set.mark(path('a'));
  set.mark(path('a'));
  set.mark(path('a'));
  gates.shift()?.();
  await expect.poll(() => gates.length).toBe(1);
  gates.shift()?.();
  await set.idle();
  expect(log).toEqual(['start a', 'end a', 'start a', 'end a']);
});

it('never exceeds its concurrency and reaches every path', async () => {
  let active = 0;
  let most = 0;
  const seen = new Set<string>();
  const set = createDirtySet(3, async (one) => {
    most = Math.max(most, ++active);
    await Promise.resolve();
    seen.add(one.toString('latin1'));
    active--;
  });
  for (let index = 0; index < 100; index++) set.mark(path(`f${index}`));
  await set.idle();
  expect(seen.size).toBe(100);
  expect(most).toBe(3);
});

it('keeps apart two names that are not UTF-8', async () => {
  const seen: string[] = [];
  const set = createDirtySet(1, async (one) => void seen.push(one.toString('hex')));
  set.mark(Buffer.from([0xff]));
  set.mark(Buffer.from([0xfe]));
  await set.idle();
  expect(seen).toEqual(['ff', 'fe']);
});

it('finishes what is in work when stopped, and starts nothing more', async () => {
  const seen: string[] = [];
  const set = createDirtySet(1, async (one) => {
    await Promise.resolve();
    seen.push(String(one));
  });
  set.mark(path('a'));
  set.mark(path('b'));
  set.markLater(path('c'), 0);
  await set.stop();
  set.mark(path('d'));
  await set.idle();
  expect(seen).toEqual(['a']);
});
