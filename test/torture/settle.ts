/** Waits until a running agent has brought everything where it belongs by itself. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './campaign.ts';
import { judgeConverged } from './judge.ts';
import type { Scene } from './scene.ts';

const LOOK_EVERY_MS = 200;
const WITHIN_MS = 90_000;

/** What is wrong at the end of the time; the agent must still be there to do its work. */
export function settled(scene: Scene): Promise<Fault[]> {
  return settledOr(scene, () => false);
}

/** As `settled`, but `told` ends it early: the agent has said what is the matter. */
export async function settledOr(scene: Scene, told: () => boolean): Promise<Fault[]> {
  for (const startedMs = performance.now(); ; ) {
    const faults = await judgeConverged(scene);
    if (faults.length === 0 || told() || performance.now() - startedMs > WITHIN_MS) return faults;
    await delay(LOOK_EVERY_MS);
  }
}

/** In front of each, so that a finding says what was tried. */
export function during(what: string, faults: readonly Fault[]): Fault[] {
  return faults.map((one) => ({ ...one, what: `${what}: ${one.what}` }));
}
