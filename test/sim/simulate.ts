/**
 * One history: users act while things go wrong; then nothing goes wrong any more, and everything must come right by itself.
 *
 * 1. What events alone can bring right is right as soon as the queues are empty, unless an event was lost.
 * 2. A reconcile run brings right what is not, and a second one finds nothing to do.
 * 3. Dead letters that are sent again, late and out of order, change nothing.
 */
import { CONTROL, heldDeletes, LEDGER, readControl } from '#core/controls.ts';
import { type Choices, replayedChoices, seededChoices } from './choices.ts';
import { type Cloud, createCloud } from './cloud.ts';
import { firstDifference, firstUnrest, firstUntold } from './converged.ts';
import type { FaultCounts } from './faults.ts';
import type { startAgent } from './host/agent.ts';
import { installKernel } from './host/hooks.ts';
import { firstHostDifference } from './host/settled.ts';
import { act } from './host/users.ts';
import { type Operation, perform } from './operations.ts';
import type { History } from './setup.ts';
import { createSimulation, type Simulation, type Violation } from './simulation.ts';

export interface Outcome {
  violation: Violation | undefined;
  fired: FaultCounts;
  /** How often each line was logged. */
  reached: ReadonlyMap<string, number>;
  steps: number;
  /** With them the same history can be run again. */
  choices: readonly number[];
  trace: readonly string[];
}

/** A history that takes longer never ends. */
const MOST_STEPS = 200_000;
const QUIET_LATENCY_MS = 5;
/** Longer than clocks are off, and than reads lag behind. */
const REST_MS = 60_000;
/** How often one looks whether hosts have settled, and how long that may take. */
const LOOK_MS = 20_000;
/** As long as the longest request may take. */
const END_MS = 120_000;
const SETTLE_MS = 1_200_000;

/** @param choices absent: those of the seed */
export async function simulate(
  { seed, setup, operations }: History,
  { choices, traced = false }: { choices?: readonly number[]; traced?: boolean } = {},
): Promise<Outcome> {
  const chance: Choices = choices === undefined ? seededChoices(seed) : replayedChoices(choices);
  const { rates, latencyMs } = setup;
  const trace: string[] = [];
  const sim = createSimulation(chance, { rates, latencyMs, trace: traced ? trace : undefined });
  const { hosts } = setup;
  const cloud = createCloud(sim, setup, hosts.length === 0 ? undefined : await agentOnKernel(sim));
  for (const host of cloud.hosts) host.start();

  let atMs = 0;
  for (const operation of operations) {
    atMs += operation.afterMs;
    schedule(cloud, operation, hosts.length > 0 ? 2 * atMs + 1 : atMs);
  }
  const healMs = (hosts.length > 0 ? 2 : 1) * atMs + setup.faultsLastMs + 2;
  sim.scheduler.after(healMs, () => heal(sim));
  if (hosts.length > 0) await hostsMustSettle(cloud, healMs);
  await quiet(sim);
  if (sim.violation === undefined) await mustConverge(cloud);
  const { violation, faults, reached, scheduler } = sim;
  return { violation, fired: faults.fired, reached, steps: scheduler.steps, choices: chance.made, trace };
}

/** Only where there are hosts: the kernel stays under whatever this thread loads after that. */
async function agentOnKernel(sim: Simulation): Promise<typeof startAgent> {
  installKernel(sim);
  return (await import('./host/agent.ts')).startAgent;
}

/** What a host's users do may come a little earlier, at any system call of its agent. */
function schedule(cloud: Cloud, operation: Operation, atMs: number): void {
  const host =
    operation.do === 'act' ? cloud.hosts.find(({ setup }) => setup.name === operation.host) : undefined;
  if (host !== undefined && operation.do === 'act') host.users.add(atMs, () => act(host, operation.deed));
  else cloud.sim.scheduler.after(atMs, () => void perform(cloud, operation));
}

/** An agent never rests: it gets the time that a retry may take at most, and the comparison that comes then. */
async function hostsMustSettle({ sim, hosts, setup }: Cloud, healMs: number): Promise<void> {
  const { scheduler } = sim;
  await scheduler.run(MOST_STEPS, scheduler.nowMs + healMs + 1);
  const endMs = scheduler.nowMs + SETTLE_MS;
  const firstDifference = () => hosts.map(firstHostDifference).find((one) => one !== undefined);
  for (let difference: string | undefined = 'not looked at'; difference !== undefined; ) {
    if (sim.violation !== undefined) return;
    await scheduler.run(MOST_STEPS, scheduler.nowMs + LOOK_MS);
    for (const host of hosts) if (setup.hosts.length > 0) host.approve();
    difference = firstDifference();
    if (difference !== undefined && scheduler.nowMs > endMs)
      return sim.violate('I3', `after all had healed: ${difference}`);
  }
  let ended = 0;
  for (const host of hosts) host.stop().then(() => ended++);
  await scheduler.run(MOST_STEPS, scheduler.nowMs + END_MS);
  if (ended < hosts.length) sim.violate('I3', 'an agent that was to end has not ended');
}

function heal(sim: Simulation): void {
  sim.faults.heal();
  sim.outages.clear();
  sim.latencyMs = QUIET_LATENCY_MS;
  sim.trace(() => 'ALL IS WELL');
}

async function quiet(sim: Simulation): Promise<void> {
  const end = await sim.scheduler.run(MOST_STEPS);
  if (end === 'endless') sim.violate('I3', `it has not come to rest after ${MOST_STEPS} events`);
}

async function mustConverge(cloud: Cloud): Promise<void> {
  const { sim, destinations, topic } = cloud;
  const names = [LEDGER, ...destinations.map(({ settings }) => settings.name)];
  const held = await heldRuns(cloud);
  const missesNothing = (queue: string) =>
    !topic.lost.has(queue) &&
    cloud.queue(queue).dead === 0 &&
    !destinations.some(
      ({ settings: { name }, tampered }) =>
        `mirror-${name}` === queue && (tampered.size > 0 || held.has(name)),
    );
  // What reconcile does not look at: a CDN that was not told keeps what it has until that is too old.
  const mended = (queue: string) => queue !== 'invalidate' || missesNothing(queue);
  const untold = missesNothing('replay') ? firstUntold : async () => undefined;

  const steps: [when: string, bring: () => Promise<void>, check: () => Promise<string | undefined>][] = [
    ['when the queues were empty', nothing, () => firstDifference(cloud, missesNothing, true)],
    ['when the queues were empty', nothing, () => untold(cloud)],
    ['after a reconcile', () => reconcile(cloud, names), () => firstDifference(cloud, mended, false)],
    ['after two of them', () => reconcile(cloud, names), () => firstUnrest(cloud)],
    ['after a redrive', () => redrive(cloud), () => firstDifference(cloud, mended, false)],
  ];
  for (const [when, bring, check] of steps) {
    await bring();
    const difference = sim.violation === undefined ? await check() : undefined;
    if (difference !== undefined) sim.violate('I3', `${when}: ${difference}`);
    if (sim.violation !== undefined) return;
  }
}

/** Whoever has to say so lets go what the guard has held. */
async function reconcile(cloud: Cloud, names: readonly string[]): Promise<void> {
  const { sim } = cloud;
  sim.scheduler.after(REST_MS, () => {
    for (const name of names) cloud.reconcile(name);
  });
  await quiet(sim);
  for (const [name, runId] of await heldRuns(cloud)) {
    for (const destination of cloud.destinations) destination.approve();
    if (runId !== undefined) cloud.reconcile(name, JSON.stringify({ approve: runId }));
  }
  await quiet(sim);
}

async function redrive({ sim, queues }: Cloud): Promise<void> {
  for (const queue of queues.values()) queue.redrive();
  await quiet(sim);
}

async function nothing(): Promise<void> {}

/** Destinations whose deletes wait for a person, with the run that lists them. */
async function heldRuns({ controls, destinations }: Cloud): Promise<Map<string, string | undefined>> {
  const held = new Map<string, string | undefined>();
  for (const { settings } of destinations) {
    const { value } = await readControl(controls, CONTROL.held(settings.name), heldDeletes);
    if (value !== undefined && value.count > 0) held.set(settings.name, value.runId);
  }
  return held;
}
