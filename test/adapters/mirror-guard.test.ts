import { expect, it } from 'vitest';
import { CONTROL, heldDeletes, readControl } from '#core/controls.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { HOUR_MS, mirrorWorld, OPEN_GUARD } from '../doubles/mirror-world.ts';

const keys = Array.from({ length: 20 }, (_, index) => objectKey(`k${index}`));
const first = objectKey('k0');

async function mirrored(guard: typeof OPEN_GUARD, deletes = true) {
  const world = mirrorWorld(first, { guard, deletes });
  for (const key of keys) await world.hub.put(key, Buffer.from(key), { metadata: {} });
  for (const key of keys) await world.mirror({}, key);
  const held = async () => (await readControl(world.controls, CONTROL.held('one'), heldDeletes)).value;
  const left = () => keys.filter((key) => world.destination.contents(key) !== undefined);
  const lose = async (some: readonly ObjectKey[]) => {
    for (const key of some) await world.hub.delete(key);
    const outcomes: string[] = [];
    for (const key of some) outcomes.push((await world.mirror({}, key)).did);
    return outcomes;
  };
  return { ...world, held, left, lose };
}

it('a hub that is emptied does not empty the destination: what exceeds the guard is held, and can be seen', async () => {
  const { held, left, lose } = await mirrored({ ...OPEN_GUARD, count: 5 });
  const outcomes = await lose(keys);
  expect(outcomes).toEqual([...Array(5).fill('deleted'), ...Array(15).fill('held')]);
  expect(left()).toHaveLength(15);
  expect(await held()).toMatchObject({ count: 15, reason: expect.stringContaining('the guard allows 5') });
});

it('a delete that was approved passes the guard, once the hub says again that the object is gone', async () => {
  const { hub, held, left, lose, mirror } = await mirrored({ ...OPEN_GUARD, count: 0 });
  await lose(keys.slice(0, 2));
  expect(left()).toHaveLength(20);
  await hub.put(first, Buffer.from('back'), { metadata: {} });
  expect(await mirror({ approved: true }, first)).toMatchObject({ did: 'copied' });
  expect(await mirror({ approved: true }, objectKey('k1'))).toMatchObject({ did: 'deleted' });
  expect(left()).toHaveLength(19);
  expect(await held()).toMatchObject({ count: 2 });
});

it('a share of the objects that the last run saw limits deletes too, and before the first run the count alone', async () => {
  const guard = { share: 0.5, count: 1000, shareFrom: 2, window: HOUR_MS };
  const before = await mirrored(guard);
  expect(await before.lose(keys.slice(0, 12))).toEqual(Array(12).fill('deleted'));
  const after = await mirrored(guard);
  await after.controls.put(CONTROL.reconcile('one'), { known: 20 }, 0);
  const outcomes = await after.lose(keys.slice(0, 12));
  expect(outcomes).toEqual([...Array(10).fill('deleted'), 'held', 'held']);
});

it('a window that opened before anybody had counted does not keep the share from counting', async () => {
  const { controls, lose } = await mirrored({ share: 0.5, count: 1000, shareFrom: 2, window: HOUR_MS });
  expect(await lose(keys.slice(0, 1))).toEqual(['deleted']);
  await controls.put(CONTROL.reconcile('one'), { known: 19 }, 0);
  expect(await lose(keys.slice(1, 12))).toEqual([...Array(9).fill('deleted'), 'held', 'held']);
});

it('a new window begins when the old one is over', async () => {
  const { clock, lose } = await mirrored({ ...OPEN_GUARD, count: 1 });
  expect(await lose(keys.slice(0, 2))).toEqual(['deleted', 'held']);
  clock.ms += HOUR_MS;
  expect(await lose(keys.slice(2, 4))).toEqual(['deleted', 'held']);
});

it('many handlers together delete no more than the guard allows', async () => {
  const { hub, left, mirror } = await mirrored({ ...OPEN_GUARD, count: 7 });
  for (const key of keys) await hub.delete(key);
  await Promise.all(keys.map((key) => mirror({}, key)));
  expect(left()).toHaveLength(13);
});

it('asks nobody where deletes are not mirrored', async () => {
  const { held, left, lose } = await mirrored({ ...OPEN_GUARD, count: 0 }, false);
  expect(await lose(keys)).toEqual(Array(20).fill('nothing'));
  expect(left()).toHaveLength(20);
  expect(await held()).toBeUndefined();
});
