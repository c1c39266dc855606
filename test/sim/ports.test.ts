/** While nothing fails, the ports that an instance sees keep the contracts of the ports that they stand for. */
import type { Controls, Ledger, ObjectStore } from '#core/ports.ts';
import { controlsContract } from '../contracts/controls.ts';
import { ledgerContract } from '../contracts/ledger.ts';
import { objectStoreContract } from '../contracts/object-store.ts';
import { createMemoryControls } from '../doubles/controls-memory.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import { withFaultyBodies } from './bodies.ts';
import { seededChoices } from './choices.ts';
import { remote } from './port-calls.ts';
import { createSimulation, type Instance, type Simulation } from './simulation.ts';

/** A world whose events happen as soon as somebody waits for them. */
function living(): { sim: Simulation; instance: Instance } {
  const sim = createSimulation(seededChoices(1), { rates: {}, latencyMs: 5, trace: undefined });
  const { after, run } = sim.scheduler;
  let waiting = 0;
  const live = async (): Promise<void> => {
    if (waiting++ > 0) return;
    for (let seen = 0; seen !== waiting; ) {
      seen = waiting;
      await run(Number.POSITIVE_INFINITY);
    }
    waiting = 0;
  };
  sim.scheduler.after = (delayMs, event) => {
    after(delayMs, event);
    void live();
  };
  const task = { id: '1', startedMs: 0, deadlineMs: 0, errors: 0, complaints: 0 };
  const instance: Instance = { name: 'one', alive: true, clockOffMs: 0, task, kill: () => undefined };
  return { sim, instance };
}

objectStoreContract('a store as an instance sees it', async () => {
  const { sim, instance } = living();
  const store: ObjectStore = createMemoryStore();
  return remote(sim, instance, 'hub', withFaultyBodies(sim, store));
});

ledgerContract('the ledger as an instance sees it', async () => {
  const { sim, instance } = living();
  return remote<Ledger>(sim, instance, 'ledger', createMemoryLedger());
});

controlsContract('controls as an instance sees them', async () => {
  const { sim, instance } = living();
  return remote<Controls>(sim, instance, 'controls', createMemoryControls());
});
