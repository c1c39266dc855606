/** The ledger, with what must hold of every write, and reads that lag behind where the table's reads may. */
import { ANOTHER_STATE, type LedgerEntry } from '#core/ledger-entry.ts';
import type { Ledger } from '#core/ports.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import type { SimDestination } from './destination.ts';
import type { Hub } from './hub.ts';
import type { Held } from './past.ts';
import type { Simulation } from './simulation.ts';

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html */
const STALE_MS = 2_000;

export function createLedger(
  sim: Simulation,
  hub: Hub,
  destinations: readonly SimDestination[],
): { ledger: Ledger; stored: Ledger } {
  const stored = createMemoryLedger();
  const nowMs = () => sim.scheduler.nowMs;
  /** Rows as they were before their last change. */
  const before = new Map<string, { entry: LedgerEntry | undefined; atMs: number }>();

  async function changing<Answer>(key: LedgerEntry['key'], write: () => Promise<Answer>): Promise<Answer> {
    const entry = await stored.get(key);
    const answer = await write();
    if (answer !== 'conflict') before.set(key, { entry, atMs: nowMs() });
    return answer;
  }

  const ledger: Ledger = {
    ...stored,
    put: (entry) =>
      changing(entry.key, async () => {
        const known = await stored.get(entry.key);
        const answer = await stored.put(entry);
        if (answer === 'written') judgeRow(known, entry);
        return answer;
      }),
    recordMirror: (key, destination, record) =>
      changing(key, async () => {
        const task = sim.acting;
        await stored.recordMirror(key, destination, record);
        const target = destinations.find(({ settings }) => settings.name === destination);
        if (target !== undefined && task !== undefined)
          judgeMirror(target, key, record.sourceEtag, task.startedMs);
      }),
    recordDelivery: (key, ...rest) => changing(key, () => stored.recordDelivery(key, ...rest)),
    async *entries(options) {
      for await (const entry of stored.entries(options)) {
        const last = before.get(entry.key);
        const stale = last !== undefined && nowMs() - last.atMs < STALE_MS && sim.faults.hits('stale read');
        if (!stale) yield entry;
        else if (last.entry !== undefined) yield last.entry;
      }
    },
  };
  return { ledger, stored };

  /** I5: no row goes back to an earlier state of its key, whatever the order of the events. */
  function judgeRow(known: LedgerEntry | undefined, entry: LedgerEntry): void {
    const moments = hub.past.of(entry.key);
    // Before the first moment there was nothing.
    const orders = (row: LedgerEntry) => [
      ...(row.state === 'deleted' ? [0] : []),
      ...moments.filter(({ held }) => isOf(row, held)).map(({ order }) => order),
    ];
    const latest = Math.max(-1, ...orders(entry));
    if (latest < 0) sim.violate('I5', `the ledger has a state of ${entry.key} that never was: ${entry.etag}`);
    if (known === undefined || known.state === 'unknown') return;
    const earliest = Math.min(...orders(known));
    if (latest < earliest) sim.violate('I5', `the ledger went back to an earlier state of ${entry.key}`);
  }

  /** I1: what is noted as held by a destination was seen there by the one who notes it, and was of the hub. */
  function judgeMirror(target: SimDestination, key: string, etag: string, sinceMs: number): void {
    if (etag === ANOTHER_STATE) return;
    const { name } = target.settings;
    const inHub = (held: Held | undefined) => (etag === '' ? held === undefined : held?.etag === etag);
    const bodies = new Set(
      hub.past
        .of(key)
        .filter(({ held }) => inHub(held))
        .map(({ held }) => held?.body),
    );
    if (etag === '') bodies.add(undefined);
    const there = target.past.since(key, sinceMs, (held) => bodies.has(held?.body));
    if (!there) sim.violate('I1', `${key} is noted as mirrored to ${name}, which did not have it`);
    if (!hub.past.since(key, sinceMs, inHub))
      sim.violate('I1', `${key} is noted as mirrored to ${name} in a state that the hub had lost before`);
  }
}

function isOf(row: LedgerEntry, held: Held | undefined): boolean {
  if (row.state !== 'present') return held === undefined;
  if (held === undefined || held.etag !== row.etag) return false;
  return row.versionId === '' || held.versionId === row.versionId;
}
