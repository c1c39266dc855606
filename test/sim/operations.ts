/** What users, operators and the weather do in a history. */
import type { ObjectKey } from '#core/key.ts';
import type { Cloud } from './cloud.ts';
import { drawAct, type HostAct } from './host/host-setup.ts';
import type { Draw, Setup } from './setup.ts';

export type Operation = { afterMs: number } & (
  | { do: 'put'; key: ObjectKey; content: string; mode?: string }
  | { do: 'delete' | 'remove version'; key: ObjectKey }
  | { do: 'rename'; key: ObjectKey; to: ObjectKey; told: boolean }
  | { do: 'permissions'; key: ObjectKey; mode: number }
  | { do: 'hint'; key: ObjectKey; type: 'create' | 'delete' }
  | { do: 'delete everything' }
  | { do: 'tamper'; destination: string; key: ObjectKey; content?: string }
  | { do: 'outage'; port: string; forMs: number }
  | { do: 'reconcile'; name: string }
  | { do: 'retention' | 'redrive' | 'restart' }
  | { do: 'act'; host: string; deed: HostAct }
);

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
/** Where there are hosts most of what happens happens there. */
const OF_HOSTS = 60;
/** An agent looks around all the time. */
const LONGEST_WITH_HOSTS_MS = 120_000;
/** Longer than `CUT.wholeUpTo` of the cloud: copied in parts. */
const LONG = 40;

export function drawOperations(draw: Draw, setup: Setup): Operation[] {
  const { keys, destinations, hosts } = setup;
  const key = () => pick(draw, keys);
  const ports = ['hub', 'ledger', 'controls', 'reports', 'file-manager', 'cdn', ...destinations.map(portOf)];
  const names = ['ledger', ...destinations.map(({ name }) => name)];
  const pauseMs = draw.of([0, setup.latencyMs, 4 * setup.latencyMs, 20 * setup.latencyMs]);
  const longestMs = hosts.length > 0 ? LONGEST_WITH_HOSTS_MS : 5 * HOUR_MS;
  let version = 0;
  const afterMs = () => {
    if (draw.happens(0.02)) return draw.below(longestMs);
    // Never two at one time: nobody could tell their order.
    return 1 + draw.below(1 + (draw.happens(0.1) ? 60 * SECOND_MS : pauseMs));
  };
  const kinds: [weight: number, draw: () => Operation][] = [
    [30, () => ({ afterMs: afterMs(), do: 'put', key: key(), ...content(draw, setup) })],
    [12, () => ({ afterMs: afterMs(), do: 'delete', key: key() })],
    [10, () => ({ afterMs: afterMs(), do: 'rename', key: key(), to: key(), told: draw.happens(0.5) })],
    [setup.versioned ? 10 : 0, () => ({ afterMs: afterMs(), do: 'remove version', key: key() })],
    [4, () => ({ afterMs: afterMs(), do: 'permissions', key: key(), mode: draw.below(3) })],
    [2, () => ({ afterMs: afterMs(), do: 'hint', key: key(), type: draw.of(['create', 'delete']) })],
    [1, () => ({ afterMs: afterMs(), do: 'delete everything' })],
    [
      2,
      () => ({
        afterMs: afterMs(),
        do: 'outage',
        port: pick(draw, ports),
        forMs: draw.below(Math.min(longestMs, draw.of([HOUR_MS / 60, HOUR_MS, 5 * HOUR_MS]))),
      }),
    ],
    // Only where all is slow has one more to do than it has time.
    [setup.slow ? 12 : 3, () => ({ afterMs: afterMs(), do: 'reconcile', name: pick(draw, names) })],
    // After it what was there before is old enough.
    [setup.retention ? 4 : 0, () => ({ afterMs: HOUR_MS + draw.below(HOUR_MS), do: 'retention' })],
    [setup.retention ? 2 : 0, () => ({ afterMs: afterMs(), do: 'retention' })],
    [1, () => ({ afterMs: afterMs(), do: 'redrive' })],
    [1, () => ({ afterMs: afterMs(), do: 'restart' })],
    ...hosts.map((host): (typeof kinds)[number] => [
      OF_HOSTS,
      () => ({ afterMs: afterMs(), do: 'act', host: host.name, deed: drawAct(draw, host, ++version) }),
    ]),
    [
      destinations.length > 0 ? 1 : 0,
      () => ({
        afterMs: afterMs(),
        do: 'tamper',
        destination: pick(
          draw,
          destinations.map(({ name }) => name),
        ),
        key: key(),
        ...(draw.happens(0.5) ? {} : { content: 'somebody else' }),
      }),
    ],
  ];
  // Swarm: a history without renames goes further in what it has.
  const known = kinds.map(
    ([weight, make], index) =>
      [index === 0 || weight === OF_HOSTS || draw.happens(0.6) ? weight : 0, make] as const,
  );
  const bag = known.flatMap(([weight, make]) => Array.from({ length: weight }, () => make));
  // Most of what goes wrong needs few of them.
  return Array.from({ length: 3 + draw.below(draw.of([6, 12, 38])) }, () => pick(draw, bag)());
}

export function portOf({ name }: { name: string }): string {
  return `destination ${name}`;
}

/** Few contents, so that the same one comes again under other keys and at other times. */
function content(draw: Draw, { versioned, slow }: Setup): { content: string; mode?: string } {
  const text = draw.of(['one', 'two', 'three', 'four']);
  const body = draw.happens(slow ? 0.8 : 0.3) ? text.padEnd(LONG, `-${text}`) : text;
  // Without versions nobody can tell two writes of the same bytes in the same second, also not by their metadata.
  return versioned && draw.happens(0.1)
    ? { content: body, mode: draw.of(['0644', '0600']) }
    : { content: body };
}

function pick<Item>(draw: Draw, items: readonly Item[]): Item {
  const item = items[draw.below(items.length)];
  if (item === undefined) throw new Error('there is nothing to draw from');
  return item;
}

export async function perform(cloud: Cloud, operation: Operation): Promise<void> {
  const { sim, hub, topic } = cloud;
  sim.acting = undefined;
  sim.trace(() => `USER ${JSON.stringify(operation)}`);
  const time = new Date(sim.scheduler.nowMs).toISOString();
  const tell = (event: object) =>
    topic.publish(JSON.stringify({ version: 1, id: sim.newId(), time, ...event }));
  switch (operation.do) {
    case 'put': {
      const { key, content: body, mode } = operation;
      return hub.put(key, body, mode === undefined ? {} : { mode });
    }
    case 'delete':
      await hub.remove(operation.key);
      return;
    case 'remove version':
      return hub.removeVersion(operation.key);
    case 'rename': {
      const { key, to, told } = operation;
      if (key === to || hub.past.now(key) === undefined) return;
      await hub.copy(key, to);
      await hub.remove(key);
      if (told) tell({ type: 'rename', key, newKey: to });
      return;
    }
    case 'permissions':
      return tell({ type: 'change_permission', key: operation.key, permissions: { mode: operation.mode } });
    case 'hint':
      return tell({ type: operation.type, key: operation.key });
    case 'delete everything':
      for (const key of cloud.setup.keys) if (hub.past.now(key) !== undefined) await hub.remove(key);
      return;
    case 'tamper':
      return cloud.destinations
        .find(({ settings }) => settings.name === operation.destination)
        ?.tamper(operation.key, operation.content);
    case 'outage':
      sim.faults.count('outage');
      sim.outages.set(operation.port, sim.scheduler.nowMs + operation.forMs);
      return;
    case 'reconcile':
      // A shortened history may have lost the destination.
      if (cloud.queues.has(`reconcile-${operation.name}`)) cloud.reconcile(operation.name);
      return;
    case 'retention':
      return cloud.retention();
    case 'redrive':
      for (const queue of cloud.queues.values()) queue.redrive();
      return;
    case 'restart':
      return cloud.restart();
    case 'act':
      throw new Error('what is done on a host is scheduled there');
  }
}
