/** What one history is made of, drawn from its seed: the deployment, the faults that it knows, and what users do. */
import { type ObjectKey, objectKey } from '#core/key.ts';
import { createRandom } from './choices.ts';
import type { DestinationSettings } from './destination.ts';
import { FAULTS, type FaultKind, type FaultRates } from './faults.ts';
import { drawHosts, type HostSetup, pathsOf } from './host/host-setup.ts';
import { type HubSettings, KEYS } from './hub.ts';
import { drawOperations, type Operation } from './operations.ts';

export interface Setup extends HubSettings {
  destinations: DestinationSettings[];
  hosts: HostSetup[];
  /** Absent: nobody is told. */
  fileManager?: { deletes: boolean };
  cdn: boolean;
  retention: boolean;
  keys: ObjectKey[];
  latencyMs: number;
  /** Everything takes so long that the time of a function ends in the middle of its work. */
  slow: boolean;
  /** That a function with much to do may run. */
  longestMs: number;
  /** How long the event source mappings collect messages, at most. */
  windowMs: number;
  rates: FaultRates;
  /** From the last operation until all goes well. */
  faultsLastMs: number;
}

export interface History {
  seed: number;
  setup: Setup;
  operations: Operation[];
}

/** Draws from the seed. */
export interface Draw {
  below(n: number): number;
  of<Item>(items: readonly [Item, ...Item[]]): Item;
  happens(probability: number): boolean;
}

const MINUTE_MS = 60_000;
const UNGUARDED = 1_000_000;
/** They end invocations: more often, and little would ever be finished. */
const RARE: ReadonlySet<FaultKind> = new Set(['slow', 'crash before', 'crash after', 'crash in flight']);

/** Of the worst rate. */
function shareOf(kind: FaultKind): number {
  if (kind === 'stale read') return 0.5;
  if (kind === 'interleaved') return 1;
  if (kind === 'killed' || kind === 'power cut') return 40;
  if (kind === 'calls fail') return 100;
  return RARE.has(kind) ? 16 : 4;
}

export function drawHistory(seed: number): History {
  const draw = createDraw(seed);
  const setup = drawSetup(draw);
  return { seed, setup, operations: drawOperations(draw, setup) };
}

/**
 * Each history knows only some of the faults, and has only some of the parts: together they would hide each other, and
 * most of what goes wrong needs few of them. (Groce et al., Swarm Testing, ISSTA 2012)
 */
function drawSetup(draw: Draw): Setup {
  const rates: FaultRates = {};
  const worst = draw.of([0, 0.01, 0.03, 0.1]);
  for (const kind of FAULTS) {
    if (draw.happens(0.6)) continue;
    rates[kind] = (worst * (1 + draw.below(4))) / shareOf(kind);
  }
  const hosts = drawHosts(draw);
  const receiver = hosts.find(({ mode }) => mode === 'receive');
  const slow = hosts.length === 0 && draw.happens(0.1);
  if (slow) rates.slow = 0.4;
  const destinations = draw.of([['one'], ['one', 'two'], [] as string[]]).map(
    (name): DestinationSettings => ({
      name,
      prefix: draw.happens(0.3) ? 'copies/' : '',
      deletes: draw.happens(0.7),
      way: draw.of(['stream', 'server']),
      guardCount: draw.happens(0.2) ? 1 + draw.below(2) : UNGUARDED,
    }),
  );
  const lonely = destinations.length === 0;
  const fileManager = lonely || draw.happens(0.4) ? { fileManager: { deletes: draw.happens(0.8) } } : {};
  return {
    versioned: draw.happens(0.6),
    sequencers: draw.of(['aws', 'aws', 'aws', 'lengths', 'clock', 'constant', 'none']),
    opaqueEtags: draw.happens(0.15),
    destinations,
    ...fileManager,
    cdn: draw.happens(0.2),
    hosts,
    // It would take from the hub what hosts expect there.
    retention: hosts.length === 0 && draw.happens(0.3),
    // Few: what happens to one key at one time is what goes wrong.
    keys: receiver === undefined ? KEYS.slice(0, draw.of([1, 2, 3, KEYS.length])) : keysFor(receiver),
    latencyMs: draw.of([5, 50, 500]),
    slow,
    longestMs: slow ? 3.5 * MINUTE_MS : 15 * MINUTE_MS,
    windowMs: draw.of([0, 0, 200, 5_000]),
    rates,
    faultsLastMs: draw.of(
      hosts.length > 0 ? [5_000, 20_000, 1.5 * MINUTE_MS] : [0, 10_000, 10 * MINUTE_MS, 180 * MINUTE_MS],
    ),
  };
}

/** Users of the hub send what a host receives, and a key that can be no file there. */
function keysFor(receiver: HostSetup): ObjectKey[] {
  return [...pathsOf(receiver), 'x/../y'].map((path) => objectKey(receiver.prefix + path));
}

function createDraw(seed: number): Draw {
  const random = createRandom(seed ^ 0x9e37_79b9);
  return {
    below: (n) => Math.floor(random() * n),
    of: (items) => items[Math.floor(random() * items.length)] ?? items[0],
    happens: (probability) => random() < probability,
  };
}
