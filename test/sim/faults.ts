/** What can go wrong, how often it does in a history, and how often it did. */
import type { Choices } from './choices.ts';

/** Of a request; each means the request of one instance to one port. */
const CALL_FAULTS = [
  /** Answered with 503, without effect. */
  'unavailable',
  /** It took effect, and nobody hears of it: the caller sees a timeout. */
  'lost reply',
  /** The client's own retry: it takes effect twice, and the second answer is the one that is heard. */
  'doubled',
  /** The caller sees a timeout, and it takes effect seconds later. */
  'late',
  /** It takes up to minutes. */
  'slow',
  /** The instance dies, and the request was never sent. */
  'crash before',
  /** The instance dies, and the request has taken effect. */
  'crash after',
  /** The instance dies, and the request takes effect seconds later. */
  'crash in flight',
] as const;
/** Those that a request which changes nothing can suffer. */
const READ_FAULTS: readonly FaultKind[] = ['unavailable', 'slow', 'crash before'];

const OTHER_FAULTS = [
  /** For one consumer, or for all of them. */
  'event lost',
  'event doubled',
  'event late',
  'message doubled',
  /** A message is done, and the queue does not hear of it. */
  'deletion lost',
  /** A row of the ledger as it was before its last change, where reads are eventually consistent. */
  'stale read',
  /** A body that ends early. */
  'cut body',
  /** A body of the right length with another byte. */
  'damaged body',
  /** The file manager says never to what is right. */
  'refused',
  /** A port answers nobody for a while. */
  'outage',
  'clock step',
  /** The function has run as long as it may. */
  'timed out',
  /** A hint of a watcher that never comes, comes twice, or comes late; and more at once than the kernel keeps. */
  'hint lost',
  'hint doubled',
  'hint late',
  'hints overflow',
  /** Somebody opens a file for writing that the agent is at. */
  'lease broken',
  'unmounted',
  'disk full',
  /** Of what a process writes only the beginning is taken, as it may be. */
  'short write',
  'index lost',
] as const;
/** Of a system call of an agent. */
const SYSTEM_CALL_FAULTS = [
  /** Somebody else was quicker with what he does to the files. */
  'interleaved',
  'killed',
  /** And what was not flushed is gone. */
  'power cut',
  /** It has no effect and says so, once or for a while: a disk, a limit, a file system that has become read-only. */
  'call failed',
  'calls fail',
] as const;

type SystemCallFault = (typeof SYSTEM_CALL_FAULTS)[number];
export type FaultKind = (typeof CALL_FAULTS)[number] | (typeof OTHER_FAULTS)[number] | SystemCallFault;
export const FAULTS: readonly FaultKind[] = [...CALL_FAULTS, ...OTHER_FAULTS, ...SYSTEM_CALL_FAULTS];
/** Probability per occasion. */
export type FaultRates = Partial<Record<FaultKind, number>>;
export type FaultCounts = Record<FaultKind, number>;

export interface Faults {
  readonly fired: FaultCounts;
  /** Whether it happens now; counted when it does. */
  hits(kind: FaultKind): boolean;
  /** What happens to a request. */
  ofCall(changes: boolean): FaultKind | undefined;
  /** What happens just before a system call. */
  ofSystemCall(): SystemCallFault | undefined;
  count(kind: FaultKind): void;
  /** From now on all goes well. */
  heal(): void;
}

/** @param tell hears of each that happens */
export function createFaults(choices: Choices, rates: FaultRates, tell: (kind: FaultKind) => void): Faults {
  const fired = noFaults();
  const kindsOf = <Kind extends FaultKind>(all: readonly Kind[]) => {
    const kinds = all.filter((kind) => (rates[kind] ?? 0) > 0);
    return { kinds, weights: kinds.map((kind) => rates[kind] ?? 0) };
  };
  const writes = kindsOf<FaultKind>(CALL_FAULTS);
  const reads = kindsOf(READ_FAULTS);
  const calls = kindsOf(SYSTEM_CALL_FAULTS);
  let healed = false;

  function count(kind: FaultKind): void {
    fired[kind]++;
    tell(kind);
  }

  function drawn<Kind extends FaultKind>({ kinds, weights }: { kinds: Kind[]; weights: number[] }) {
    if (healed || kinds.length === 0) return undefined;
    const kind = kinds[choices.oneOf(weights) - 1];
    if (kind !== undefined) count(kind);
    return kind;
  }

  return {
    fired,
    count,
    hits(kind) {
      const rate = rates[kind] ?? 0;
      if (healed || rate === 0 || !choices.happens(rate)) return false;
      count(kind);
      return true;
    },
    ofCall: (changes) => drawn(changes ? writes : reads),
    ofSystemCall: () => drawn(calls),
    heal() {
      healed = true;
    },
  };
}

export function noFaults(): FaultCounts {
  return Object.fromEntries(FAULTS.map((kind) => [kind, 0])) as FaultCounts;
}
