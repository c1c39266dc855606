/** The ledger in memory: the same answers as the table, for tests that are about something else. */
import { isDeepStrictEqual } from 'node:util';
import type { ObjectKey } from '#core/key.ts';
import type { DeliveryRecord, LedgerEntry, MirrorRecord } from '#core/ledger-entry.ts';
import type { Ledger } from '#core/ports.ts';
import { compareUtf8 } from '#core/utf8.ts';

type Row = Omit<LedgerEntry, 'mirrors' | 'delivery'>;

export function createMemoryLedger(): Ledger {
  const rows = new Map<ObjectKey, Row>();
  const mirrors = new Map<ObjectKey, Record<string, MirrorRecord>>();
  const deliveries = new Map<ObjectKey, DeliveryRecord>();

  function entry(key: ObjectKey): LedgerEntry | undefined {
    const row = rows.get(key);
    if (row === undefined) return undefined;
    const delivery = deliveries.get(key);
    return {
      ...copyOf(row),
      ...(delivery === undefined ? {} : { delivery: { ...delivery } }),
      mirrors: copyOfAll(mirrors.get(key) ?? {}),
    };
  }

  return {
    get: async (key) => entry(key),
    async put({ mirrors: _mirrors, delivery: _delivery, ...row }) {
      if ((rows.get(row.key)?.revision ?? 0) !== row.revision - 1) return 'conflict';
      rows.set(row.key, copyOf(row));
      return 'written';
    },
    async recordMirror(key, destination, record) {
      const known = mirrors.get(key) ?? {};
      if ((known[destination]?.atMs ?? Number.NEGATIVE_INFINITY) > record.atMs) return;
      mirrors.set(key, { ...known, [destination]: { ...record } });
      if (!rows.has(key)) rows.set(key, { key, ...UNKNOWN });
    },
    async recordDelivery(key, record, before) {
      if (!isDeepStrictEqual(deliveries.get(key), before)) return 'conflict';
      if (record === undefined) deliveries.delete(key);
      else deliveries.set(key, { ...record });
      if (!rows.has(key)) rows.set(key, { key, ...UNKNOWN });
      return 'written';
    },
    async *entries({ after } = {}) {
      for (const key of [...rows.keys()].sort(compareUtf8)) {
        const found = entry(key);
        if (found === undefined) continue;
        if (after === undefined || compareUtf8(key, after) > 0) yield found;
      }
    },
  };
}

/** By hand: a simulation asks for millions of them. */
function copyOf(row: Row): Row {
  return row.permissions === undefined ? { ...row } : { ...row, permissions: { ...row.permissions } };
}

function copyOfAll(records: Readonly<Record<string, MirrorRecord>>): Record<string, MirrorRecord> {
  const copies: Record<string, MirrorRecord> = {};
  for (const name of Object.keys(records)) {
    const record = records[name];
    if (record !== undefined) copies[name] = { ...record };
  }
  return copies;
}

const UNKNOWN = {
  state: 'unknown',
  revision: 0,
  sequencer: '',
  etag: '',
  versionId: '',
  sizeBytes: 0,
  eventTimeMs: 0,
} as const;
