/**
 * The ledger of a bucket that a host mirrors, and the controls of its runs, in SQLite. A lost or wrong mirror record
 * costs a look at its key, so those wait for the batch; what is compare-and-set is on disk when it is answered.
 */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import * as z from 'zod';
import { keyFault, type ObjectKey, objectKey } from '#core/key.ts';
import type { DeliveryRecord, LedgerEntry, MirrorRecord } from '#core/ledger-entry.ts';
import type { Controls, Ledger } from '#core/ports.ts';
import type { Batch } from './index-batch.ts';
import { Damage } from './index-error.ts';

export interface HostLedger extends Ledger {
  /** Forgets a key of which no event or delivery has told, whatever its mirror records. */
  forget(key: ObjectKey): void;
}

const PAGE_ROWS = 200;
const NOTHING = Buffer.alloc(0);
const UNKNOWN = {
  state: 'unknown',
  revision: 0,
  sequencer: '',
  etag: '',
  versionId: '',
  sizeBytes: 0,
  eventTimeMs: 0,
} as const;

const stored = z.object({
  state: z.enum(['unknown', 'present', 'deleted']),
  sequencer: z.string(),
  etag: z.string(),
  versionId: z.string(),
  sizeBytes: z.number(),
  eventTimeMs: z.number(),
  expiresAtSec: z.number().exactOptional(),
  permissions: z.object({ json: z.string(), atMs: z.number() }).exactOptional(),
});
const delivered = z.object({ etag: z.string(), permissions: z.string(), atMs: z.number() });
const mirrored = z.record(
  z.string(),
  z.object({ sourceEtag: z.string(), targetEtag: z.string().exactOptional(), atMs: z.number() }),
);

/** @param spoilt notes that the file holds what was never written to it */
export function sqliteLedger(
  database: DatabaseSync,
  batch: Batch,
  bucket: string,
  spoilt: (error: Damage) => never,
): HostLedger {
  const columns = 'key, revision, entry, delivery, mirrors';
  const select = database.prepare(`SELECT ${columns} FROM entries WHERE bucket = ? AND key = ?`);
  const page = database.prepare(
    `SELECT ${columns} FROM entries WHERE bucket = ? AND key > ? ORDER BY key LIMIT ${PAGE_ROWS}`,
  );
  const insert = database.prepare(
    `INSERT OR IGNORE INTO entries (bucket, ${columns}) VALUES (?, ?, 0, '', '', '')`,
  );
  const setEntry = database.prepare(
    'UPDATE entries SET entry = ?, revision = ? WHERE bucket = ? AND key = ? AND revision = ?',
  );
  const setDelivery = database.prepare(
    'UPDATE entries SET delivery = ? WHERE bucket = ? AND key = ? AND delivery = ?',
  );
  const setMirrors = database.prepare('UPDATE entries SET mirrors = ? WHERE bucket = ? AND key = ?');
  const forget = database.prepare(
    "DELETE FROM entries WHERE bucket = ? AND key = ? AND revision = 0 AND delivery = ''",
  );

  function read(key: ObjectKey): LedgerEntry | undefined {
    const row = select.get(bucket, bytesOf(key));
    return row === undefined ? undefined : parsed(row, spoilt);
  }

  return {
    get: async (key) => batch.read(() => read(key)),
    put: async ({ key, revision, mirrors: _mirrors, delivery: _delivery, ...entry }) =>
      batch.writeNow(() => {
        if (revision === 1) insert.run(bucket, bytesOf(key));
        const { changes } = setEntry.run(JSON.stringify(entry), revision, bucket, bytesOf(key), revision - 1);
        return changes === 1 ? 'written' : 'conflict';
      }),
    async recordMirror(key, destination, record) {
      // Without an await between them: nothing else runs on this database.
      const mirrors = batch.read(() => read(key))?.mirrors ?? {};
      const known = mirrors[destination];
      if (known !== undefined && known.atMs > record.atMs) return;
      batch.write(() => {
        insert.run(bucket, bytesOf(key));
        setMirrors.run(JSON.stringify({ ...mirrors, [destination]: record }), bucket, bytesOf(key));
      });
    },
    recordDelivery: async (key, record, before) =>
      batch.writeNow(() => {
        insert.run(bucket, bytesOf(key));
        const { changes } = setDelivery.run(deliveryText(record), bucket, bytesOf(key), deliveryText(before));
        return changes === 1 ? 'written' : 'conflict';
      }),
    async *entries({ after } = {}) {
      for (let last = after === undefined ? NOTHING : bytesOf(after); ; ) {
        const rows = batch.read(() => page.all(bucket, last));
        for (const row of rows) yield parsed(row, spoilt);
        const end = rows.at(-1)?.key;
        if (rows.length < PAGE_ROWS || !(end instanceof Uint8Array)) return;
        last = Buffer.from(end);
      }
    },
    forget: (key) => batch.write(() => void forget.run(bucket, bytesOf(key))),
  };
}

/** @param spoilt as for the ledger */
export function sqliteControls(
  database: DatabaseSync,
  batch: Batch,
  bucket: string,
  spoilt: (error: Damage) => never,
): Controls {
  const select = database.prepare('SELECT json, revision FROM controls WHERE bucket = ? AND name = ?');
  const insert = database.prepare(
    'INSERT OR IGNORE INTO controls (bucket, name, json, revision) VALUES (?, ?, ?, 1)',
  );
  const update = database.prepare(
    'UPDATE controls SET json = ?, revision = revision + 1 WHERE bucket = ? AND name = ? AND revision = ?',
  );
  return {
    get: async (name) => {
      const row = batch.read(() => select.get(bucket, name));
      if (row === undefined) return undefined;
      return { value: jsonOf(row.json, spoilt), revision: Number(row.revision) };
    },
    put: async (name, value, revision) =>
      batch.writeNow(() => {
        const json = JSON.stringify(value);
        const { changes } =
          revision === 0 ? insert.run(bucket, name, json) : update.run(json, bucket, name, revision);
        return changes === 1 ? 'written' : 'conflict';
      }),
  };
}

function parsed(row: Record<string, SQLOutputValue>, spoilt: (error: Damage) => never): LedgerEntry {
  const { key: bytes, revision, entry, delivery, mirrors } = row;
  const key = bytes instanceof Uint8Array ? Buffer.from(bytes).toString('utf8') : '';
  if (keyFault(key) !== undefined) return spoilt(new Damage('a key is not what had been written'));
  const { revision: _none, ...unknown } = UNKNOWN;
  return {
    key: objectKey(key),
    ...(entry === '' ? unknown : checked(stored, entry, spoilt)),
    revision: Number(revision),
    ...(delivery === '' ? {} : { delivery: checked(delivered, delivery, spoilt) }),
    mirrors: mirrors === '' ? {} : (checked(mirrored, mirrors, spoilt) as Record<string, MirrorRecord>),
  };
}

function checked<Value>(
  schema: z.ZodType<Value>,
  json: SQLOutputValue | undefined,
  spoilt: (error: Damage) => never,
): Value {
  const result = schema.safeParse(jsonOf(json, spoilt));
  return result.success ? result.data : spoilt(new Damage('a row is not what had been written'));
}

function jsonOf(json: SQLOutputValue | undefined, spoilt: (error: Damage) => never): unknown {
  try {
    return JSON.parse(String(json));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return spoilt(new Damage(`a row is not JSON: ${error.message}`));
  }
}

/** Fields in one order, so that the text can be compared. */
function deliveryText(record: DeliveryRecord | undefined): string {
  if (record === undefined) return '';
  const { etag, permissions, atMs } = record;
  return JSON.stringify({ etag, permissions, atMs });
}

function bytesOf(key: string): Buffer {
  return Buffer.from(key, 'utf8');
}
