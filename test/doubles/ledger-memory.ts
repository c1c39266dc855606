/** The ledger in memory: the same answers as the table, for tests that are about something else. */
import type { ObjectKey } from '#core/key.ts';
import type { LedgerEntry, MirrorRecord } from '#core/ledger-entry.ts';
import type { Ledger } from '#core/ports.ts';
import { compareUtf8 } from '#core/utf8.ts';

export function createMemoryLedger(): Ledger {
  const rows = new Map<ObjectKey, Omit<LedgerEntry, 'mirrors'>>();
  const mirrors = new Map<ObjectKey, Record<string, MirrorRecord>>();

  function entry(key: ObjectKey): LedgerEntry | undefined {
    const row = rows.get(key);
    return row === undefined ? undefined : structuredClone({ ...row, mirrors: mirrors.get(key) ?? {} });
  }

  return {
    get: async (key) => entry(key),
    async put({ mirrors: _kept, ...row }) {
      if ((rows.get(row.key)?.revision ?? 0) !== row.revision - 1) return 'conflict';
      rows.set(row.key, structuredClone(row));
      return 'written';
    },
    async recordMirror(key, destination, record) {
      const known = mirrors.get(key) ?? {};
      if ((known[destination]?.atMs ?? Number.NEGATIVE_INFINITY) > record.atMs) return;
      mirrors.set(key, { ...known, [destination]: { ...record } });
      if (!rows.has(key)) rows.set(key, { key, ...UNKNOWN });
    },
    async *entries() {
      for (const key of [...rows.keys()].sort(compareUtf8)) {
        const found = entry(key);
        if (found !== undefined) yield found;
      }
    },
  };
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
