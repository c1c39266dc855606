/** Events on their way to their consumers: each consumer gets its own copy, at its own time, twice, or never. */
import type { ObjectKey } from '#core/key.ts';
import { s3Body } from '../doubles/s3-event.ts';
import type { SimQueue } from './queue.ts';
import type { Simulation } from './simulation.ts';

export interface Topic {
  publish(body: string): void;
  subscribe(queue: SimQueue): void;
  /** Whether a consumer has missed something for good. */
  readonly lost: ReadonlySet<string>;
}

const LATE_MS = 3 * 3_600_000;
/** Of the time between two events, in the latency of a request. */
const SPREAD = 5;

export function createTopic(sim: Simulation): Topic {
  const queues: SimQueue[] = [];
  const lost = new Set<string>();
  const { choices, faults } = sim;

  function deliver(queue: SimQueue, body: string): void {
    const lateMs = faults.hits('event late') ? choices.below(LATE_MS) : 0;
    queue.send({ body }, choices.below(SPREAD * sim.latencyMs) + lateMs);
  }

  return {
    lost,
    subscribe: (queue) => void queues.push(queue),
    publish(body) {
      const forAll = faults.hits('event lost') && choices.happens(0.5);
      for (const queue of queues) {
        if (forAll || faults.hits('event lost')) {
          lost.add(queue.name);
          sim.trace(() => `lost for ${queue.name}: ${body}`);
          continue;
        }
        deliver(queue, body);
        if (faults.hits('event doubled')) deliver(queue, body);
      }
    },
  };
}

/** Where the sequencers of a source come from. */
export type Sequencers = 'aws' | 'lengths' | 'clock' | 'constant' | 'none';

export interface Happening {
  key: ObjectKey;
  name: string;
  etag: string;
  versionId: string;
  sizeBytes: number;
  atMs: number;
}

/** Tells what happened to a key as that source would. */
export function eventTexts(kind: Sequencers): (happening: Happening) => string {
  // Beside a power of 16, where a number that is not padded gets another digit.
  let count = kind === 'lengths' ? 0xfd : 0x5_0000;
  const sequencerOf = (atMs: number): string | undefined => {
    count++;
    if (kind === 'aws') return count.toString(16).toUpperCase().padStart(18, '0');
    if (kind === 'lengths') return count.toString(16).toUpperCase();
    if (kind === 'clock') return (atMs * 1_000_000).toString(16).toUpperCase();
    return kind === 'constant' ? '0055AED6DCD90281E5' : undefined;
  };
  return ({ key, name, etag, versionId, sizeBytes, atMs }) => {
    const sequencer = sequencerOf(atMs);
    const encoded = key.split('/').map(encodeURIComponent).join('/');
    return s3Body({
      key: kind === 'constant' ? encoded : encoded.replaceAll('%20', '+'),
      name,
      etag,
      sizeBytes,
      time: new Date(atMs).toISOString(),
      source: kind === 'clock' ? 'minio:s3' : 'aws:s3',
      ...(versionId === '' ? {} : { versionId }),
      ...(sequencer === undefined ? {} : { sequencer }),
    });
  };
}
