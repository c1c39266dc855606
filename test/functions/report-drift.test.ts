import { describe, expect, it } from 'vitest';
import { CONTROL } from '#core/controls.ts';
import { objectKey } from '#core/key.ts';
import { checkDrift } from '../../functions/report-drift.ts';
import type { FullState } from '../../functions/report-state.ts';
import { createWorld, down } from './state-report-world.ts';

const DELETED = { state: 'deleted' as const, etag: '', sizeBytes: 0 };

/** A full state that is right, some changes, and another full state that has yet to be compared. */
async function compared() {
  const world = createWorld();
  for (const key of ['a', 'b', 'c', 'd']) await world.write({ key, etag: 'e1' });
  world.pass(3);
  await world.run();
  await world.write({ key: 'b', etag: 'e2' });
  world.pass(3);
  await world.run();
  await world.write({ key: 'c', ...DELETED });
  await world.write({ key: 'é, "new"', etag: 'e3' });
  return world;
}

describe('the drift check', () => {
  it('finds none when old state and changes make the new state, whatever was written meanwhile', async () => {
    const world = await compared();
    const { entries } = world.ledger;
    const ledger = {
      get: world.ledger.get,
      // Rows are read at different moments of a ledger that changes.
      async *entries() {
        for await (const entry of entries()) {
          if (entry.key === 'b') {
            await world.write({ key: 'a', etag: 'after it was read' });
            await world.write({ key: 'd', etag: 'before it was read' });
            await world.write({ key: 'd', etag: 'before it was read too' });
            await world.write({ key: 'e', etag: 'made before it was reached' });
          }
          yield (await world.ledger.get(entry.key)) ?? entry;
        }
      },
    };
    world.pass(3);
    await world.run({ full: true }, { ledger });
    await world.write({ key: 'd', etag: 'long after' });
    world.pass(15);
    const { drift, errors } = await world.run();
    expect(drift).toEqual({ compared: 6, drifted: 0 });
    expect(errors).toEqual([]);
    expect(world.metrics.DriftedKeys).toBe(0);
  });

  it('waits until the journal is read to well past the scan', async () => {
    const world = await compared();
    world.pass(3);
    await world.run({ full: true });
    world.pass(11);
    expect(await world.run()).not.toHaveProperty('drift');
    world.pass(2);
    expect(await world.run()).toHaveProperty('drift');
    world.pass(5);
    expect(await world.run()).not.toHaveProperty('drift');
  });

  it('finds what the journal did not tell, lists it, and tells it in the next diff', async () => {
    const world = await compared();
    await world.write({ key: 'a', etag: 'e9' }, false);
    await world.write({ key: '=f', etag: 'e9' }, false);
    await world.write({ key: 'd', ...DELETED }, false);
    world.pass(3);
    await world.run({ full: true });
    world.pass(13);
    const result = await world.run();
    expect(result.drift).toMatchObject({ drifted: 3 });
    expect(world.metrics.DriftedKeys).toBe(3);
    const untold = 'a change that the journal does not tell';
    expect(world.rows(result.files.drift)).toEqual([
      `'=f,${untold},,,,,present,1,e9,1,,`,
      `a,${untold},present,1,e1,1,present,1,e9,2,,`,
      `d,${untold},present,1,e1,1,deleted,0,,2,,`,
    ]);
    world.pass(3);
    const next = await world.run();
    expect(next.changes).toEqual({ created: 1, modified: 1, deleted: 1, permissions: 0, restated: 0 });
    expect(world.text(next.files.diffs[0])).toContain('modified,a,present,1,1,e1,e9,');

    await world.run({ full: true });
    world.pass(13);
    expect((await world.run()).drift).toMatchObject({ drifted: 0 });
  });

  it('tells of a drifted key what it is now, not what it was in the scan', async () => {
    const world = await compared();
    await world.write({ key: 'a', etag: 'e9' }, false);
    world.pass(3);
    await world.run({ full: true });
    await world.write({ key: 'a', etag: 'newest' });
    world.pass(13);
    expect((await world.run()).drift).toMatchObject({ drifted: 0 });

    await world.write({ key: 'b', etag: 'e9' }, false);
    await world.run({ full: true });
    world.pass(12);
    await world.write({ key: 'b', etag: 'newest' });
    world.pass(1);
    expect((await world.run()).drift).toMatchObject({ drifted: 1 });
    world.pass(3);
    const { files } = await world.run();
    expect(world.rows(files.diffs[0])).toEqual([expect.stringMatching(/^modified,b,present,.*,e2,newest,/)]);
  });

  it('finds a row that the ledger has lost', async () => {
    const world = await compared();
    world.pass(3);
    const ledger = {
      get: async (key: string) => (key === 'a' ? undefined : world.ledger.get(objectKey(key))),
      async *entries() {
        for await (const entry of world.ledger.entries()) if (entry.key !== 'a') yield entry;
      },
    };
    await world.run({ full: true }, { ledger });
    world.pass(13);
    expect((await world.run({}, { ledger })).drift).toMatchObject({ drifted: 1 });
    world.pass(3);
    expect((await world.run({}, { ledger })).changes.deleted).toBe(1);
    await world.run({ full: true }, { ledger });
    world.pass(13);
    expect((await world.run({}, { ledger })).drift).toMatchObject({ drifted: 0 });
  });

  it('stops where very much has drifted, and finds the rest when what it has repaired was told', async () => {
    const world = createWorld();
    for (const key of ['a', 'b', 'c']) await world.write({ key });
    world.pass(3);
    await world.run();
    for (const key of ['a', 'b', 'c']) await world.write({ key, etag: 'e9' }, false);
    world.pass(3);
    await world.run({ full: true });
    world.pass(13);
    const state = (await world.controls.get(CONTROL.stateReport))?.value as {
      baseline: FullState;
      candidate: FullState;
    };
    const files = { old: state.baseline, candidate: state.candidate };
    const first = await checkDrift(world.ports, '2026-01-02T03:30:00.000Z', files, 2);
    expect(first).toMatchObject({ drifted: 2, goesOn: true, incomplete: expect.any(String) });
    world.pass(3);
    await world.run();
    const second = await checkDrift(world.ports, '2026-01-02T03:40:00.000Z', files, 2);
    expect(second).toEqual({ compared: 3, drifted: 1, file: 'diff/2026-01-02T03:40:00.000Z-drift.csv' });
  });

  it('begins anew, visibly, when the old state is not there any more', async () => {
    const world = await compared();
    world.pass(3);
    await world.run({ full: true });
    const state = (await world.controls.get(CONTROL.stateReport))?.value as { baseline: { key: string } };
    await world.reports.delete(objectKey(state.baseline.key));
    world.pass(13);
    await expect(world.run()).rejects.toThrow('is not there any more');
    world.pass(5);
    expect((await world.run({ full: true })).errors).toEqual([]);
    world.pass(13);
    expect((await world.run()).drift).toMatchObject({ drifted: 0 });
  });

  it('is done again when it could not be done', async () => {
    const world = await compared();
    world.pass(3);
    await world.run({ full: true });
    world.pass(13);
    world.reports.before((op, key) => {
      if (op === 'get' && key.startsWith('state/')) throw down(true);
    });
    await expect(world.run()).rejects.toThrow('no');
    world.reports.before(() => undefined);
    world.pass(1);
    expect((await world.run()).drift).toMatchObject({ compared: 5, drifted: 0 });
  });
});
