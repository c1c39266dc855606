/** A file manager that is down for days, on the virtual clock: nobody has to send anything again afterwards. */
import { expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { seededChoices } from './choices.ts';
import { createCloud } from './cloud.ts';
import { perform } from './operations.ts';
import type { Setup } from './setup.ts';
import { createSimulation } from './simulation.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
const OUTAGE_MS = 2 * DAY_MS;
const MOST_STEPS = 2_000_000;

function setupOf(count: number): Setup {
  return {
    versioned: true,
    sequencers: 'aws',
    opaqueEtags: false,
    destinations: [],
    fileManager: { deletes: true },
    cdn: false,
    hosts: [],
    retention: false,
    keys: Array.from({ length: count }, (_, index) => objectKey(`k${index}`)),
    latencyMs: 5,
    slow: false,
    longestMs: 15 * MINUTE_MS,
    windowMs: 0,
    rates: {},
    faultsLastMs: 0,
  };
}

it.each([1, 12])('tells %i keys within minutes of its return, and gives up none', async (count) => {
  const setup = setupOf(count);
  const sim = createSimulation(seededChoices(count), { rates: {}, latencyMs: 5, trace: undefined });
  const cloud = createCloud(sim, setup);
  const { scheduler } = sim;
  const startMs = scheduler.nowMs;
  await perform(cloud, { afterMs: 0, do: 'outage', port: 'file-manager', forMs: OUTAGE_MS });
  for (const [index, key] of setup.keys.entries()) {
    scheduler.after(1 + index * MINUTE_MS, () => {
      void perform(cloud, { afterMs: 0, do: 'put', key, content: 'one' });
    });
  }

  await scheduler.run(MOST_STEPS, startMs + OUTAGE_MS);
  expect(cloud.fileManager.memory.files.size).toBe(0);
  expect(cloud.queue('deliver').dead).toBe(0);

  await scheduler.run(MOST_STEPS, startMs + OUTAGE_MS + 6 * MINUTE_MS);
  expect([...cloud.fileManager.memory.files.keys()].sort()).toEqual([...setup.keys].sort());
  expect(cloud.queue('deliver')).toMatchObject({ dead: 0, waiting: 0 });
  expect(sim.violation).toBeUndefined();
});
