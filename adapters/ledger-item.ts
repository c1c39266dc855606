/** A row of the ledger table as a `LedgerEntry`. */
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { LedgerEntry, MirrorRecord } from '#core/ledger-entry.ts';
import { DELIVERY_ATTRIBUTE, LEDGER_KEY, MIRROR_PREFIX } from '#core/names.ts';
import * as z from '#core/schema.ts';

const row = z.object({
  state: z.enum(['unknown', 'present', 'deleted']),
  revision: z.number(),
  sequencer: z._default(z.string(), ''),
  etag: z._default(z.string(), ''),
  versionId: z._default(z.string(), ''),
  sizeBytes: z._default(z.number(), 0),
  eventTimeMs: z._default(z.number(), 0),
  [LEDGER_KEY.ttl]: z.optional(z.number()),
  permissions: z.optional(z.object({ json: z.string(), atMs: z.number() })),
  [DELIVERY_ATTRIBUTE]: z.optional(z.object({ etag: z.string(), permissions: z.string(), atMs: z.number() })),
});
const mirrorRecord = z.object({
  sourceEtag: z.string(),
  targetEtag: z.optional(z.string()),
  atMs: z.number(),
  place: z.optional(z.string()),
});

/**
 * @param places of the destinations now; records of copies that were made elsewhere are left out
 * @throws SyncError naming the key when the row is not one of the ledger's
 */
export function entryOf(
  item: Readonly<Record<string, unknown>>,
  places: Readonly<Record<string, string>>,
): LedgerEntry {
  const key = String(item[LEDGER_KEY.sort]);
  try {
    const { expiresAtSec, permissions, delivery, ...entry } = row.parse(item);
    const mirrors: Record<string, MirrorRecord> = {};
    for (const [attribute, value] of Object.entries(item)) {
      if (!attribute.startsWith(MIRROR_PREFIX)) continue;
      const name = attribute.slice(MIRROR_PREFIX.length);
      const { targetEtag, place, ...record } = mirrorRecord.parse(value);
      if (name in places && place !== places[name]) continue;
      mirrors[name] = { ...record, ...(targetEtag === undefined ? {} : { targetEtag }) };
    }
    return {
      key: objectKey(key),
      ...entry,
      ...(expiresAtSec === undefined ? {} : { expiresAtSec }),
      ...(permissions === undefined ? {} : { permissions }),
      ...(delivery === undefined ? {} : { delivery }),
      mirrors,
    };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new SyncError(`ledger row ${JSON.stringify(key)} cannot be read: ${z.prettifyError(error)}`, {
      op: 'read-ledger',
      key,
      retryable: false,
      code: 'BadRow',
      cause: error,
    });
  }
}
