import { expect, it } from 'vitest';
import { type Bounds, createDirtySet } from '../../edge-agent/dirty-set.ts';

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

/** One at a time, each when it is let go; `done` are those that have been let go. */
function steered(bounds: Partial<Bounds> = {}) {
  const begun: string[] = [];
  const gates: (() => void)[] = [];
  const rooms: string[][] = [];
  const set = createDirtySet(
    1,
    async (one) => {
      begun.push(one.toString('latin1'));
      await new Promise<void>((resolve) => gates.push(resolve));
    },
    { marked: 4, offered: 3, onRoom: () => void rooms.push([...begun]), ...bounds },
  );
  const next = async () => {
    const before = begun.length;
    gates.shift()?.();
    await expect.poll(() => begun.length > before || set.size === 0).toBe(true);
  };
  return { set, begun, rooms, next, finish: () => gates.shift()?.() };
}

it('takes what was marked before what was offered, and of that one in eight all the same', async () => {
  const { set, begun, next } = steered({ marked: 100, offered: 100 });
  void set.offer(['a', 'b', 'c'].map(path));
  for (let n = 0; n < 12; n++) set.mark(path(`m${n}`));
  for (let n = 0; n < 15; n++) await next();
  expect(begun.slice(0, 3)).toEqual(['a', 'm0', 'm1']);
  expect(begun.indexOf('b')).toBe(7);
  expect(begun).toHaveLength(15);
});

it('lets an offer wait until there is room, and nobody when it stops', async () => {
  const { set, next, finish } = steered();
  let room = false;
  void set.offer(['a', 'b', 'c', 'd'].map(path)).then(() => {
    room = true;
  });
  await Promise.resolve();
  expect(room).toBe(false);
  await next();
  expect(room).toBe(true);
  const waiting = set.offer(['e', 'f'].map(path));
  const stopped = set.stop();
  await waiting;
  finish();
  await stopped;
});

it('leaves what it cannot remember to a scan, for which it asks when there is room', async () => {
  const { set, begun, rooms, next } = steered();
  const taken = ['a', 'b', 'c', 'd', 'e', 'f', 'e'].map((name) => set.mark(path(name)));
  expect(taken).toEqual([true, true, true, true, true, false, true]);
  expect(set.size).toBe(5);
  while (set.size > 0) await next();
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
  // Less than half of the bound waits then; once for all that was missed.
  expect(rooms).toEqual([['a', 'b', 'c', 'd']]);
});

it('looks once at what is offered and marked, in the place of the mark', async () => {
  const { set, begun, next } = steered();
  set.mark(path('work'));
  void set.offer(['a', 'b'].map(path));
  set.mark(path('b'));
  while (set.size > 0) await next();
  expect(begun).toEqual(['work', 'b', 'a']);
});

it('looks again at a path that is offered while it is in work', async () => {
  const { set, begun, next } = steered();
  set.mark(path('a'));
  void set.offer([path('a')]);
  while (set.size > 0) await next();
  expect(begun).toEqual(['a', 'a']);
});

it('says so when it cannot put off any more', async () => {
  const { set } = steered({ marked: 2 });
  expect(['a', 'b', 'a', 'c'].map((name) => set.markLater(path(name), 60_000))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect(set.putOff).toBe(2);
  await set.stop();
});

it('takes each of a hundred thousand in the order they came', async () => {
  const seen: number[] = [];
  const set = createDirtySet(1, async (one) => void seen.push(Number(one.toString())));
  for (let n = 0; n < 100_000; n++) set.mark(path(String(n)));
  await set.idle();
  expect(seen).toHaveLength(100_000);
  expect(seen.every((n, index) => n === index)).toBe(true);
});
