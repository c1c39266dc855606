/** From the outputs of a stack to its consumers, by the names that people give them. */
import { pascalCase } from '#core/names.ts';

export type Outputs = Readonly<Record<string, string>>;

export interface Consumer {
  /** Start of the names of its outputs: `MirrorSiteB`. */
  id: string;
  /** `ledger`, `mirror-<destination>`, `deliver`, `invalidate`, `reconcile-ledger`, `reconcile-<destination>`, `agent-<name>`, `schedules`. */
  name: string;
  /** A destination is also called by its own name. */
  destination?: string;
  functionName?: string;
  queueUrl?: string;
  dlqUrl?: string;
}

const DESTINATION_STEMS = { Mirror: 'mirror', Reconcile: 'reconcile' } as const;
const FIXED: Readonly<Record<string, string>> = {
  EventReplay: 'ledger',
  Deliver: 'deliver',
  Invalidate: 'invalidate',
  Reconcile: 'reconcile-ledger',
  Schedules: 'schedules',
};
const SUFFIXES = ['QueueUrl', 'DlqUrl'] as const;

/** In the order of the data path. `destinations` are the names of sluice.yaml, which outputs have in PascalCase. */
export function consumersOf(outputs: Outputs, destinations: readonly string[]): Consumer[] {
  const ids = new Set<string>();
  for (const key of Object.keys(outputs)) {
    const suffix = SUFFIXES.find((one) => key.endsWith(one));
    if (suffix !== undefined) ids.add(key.slice(0, -suffix.length));
  }
  return [...ids]
    .map((id) => consumerOf(id, outputs, destinations))
    .sort((left, right) => rank(left) - rank(right) || (left.name < right.name ? -1 : 1));
}

/** The consumer of that name or id, which is how alarms call it, in letters of any case. A destination's own name means its mirror. */
export function findConsumer(consumers: readonly Consumer[], name: string): Consumer | undefined {
  const word = name.toLowerCase();
  return (
    consumers.find(({ id }) => id === name) ??
    consumers.find((one) => one.name === word) ??
    consumers.find((one) => one.name === `mirror-${word}` && one.destination === word) ??
    consumers.find(({ id }) => id.toLowerCase() === word)
  );
}

function consumerOf(id: string, outputs: Outputs, destinations: readonly string[]): Consumer {
  const [functionName, queueUrl, dlqUrl] = [outputs[id], outputs[`${id}QueueUrl`], outputs[`${id}DlqUrl`]];
  return {
    id,
    ...nameOf(id, destinations),
    ...(functionName === undefined ? {} : { functionName }),
    ...(queueUrl === undefined ? {} : { queueUrl }),
    ...(dlqUrl === undefined ? {} : { dlqUrl }),
  };
}

function nameOf(id: string, destinations: readonly string[]): Pick<Consumer, 'name' | 'destination'> {
  for (const [stem, name] of Object.entries(DESTINATION_STEMS)) {
    const destination = destinations.find((one) => id === `${stem}${pascalCase(one)}`);
    if (destination !== undefined) return { name: `${name}-${destination}`, destination };
  }
  return { name: FIXED[id] ?? kebabCase(id) };
}

function rank({ name }: Consumer): number {
  const order = ['ledger', 'deliver', 'mirror-', 'invalidate', 'reconcile-', 'agent-', 'schedules'];
  const found = order.findIndex((start) => name.startsWith(start));
  return found === -1 ? order.length : found;
}

function kebabCase(id: string): string {
  return id.replace(/[A-Z]/g, (letter, at) => `${at === 0 ? '' : '-'}${letter.toLowerCase()}`);
}
