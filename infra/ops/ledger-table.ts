/** What the functions keep in the ledger's table, read only: the row of a key, and the states of runs beside it. */
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { ledgerShard } from '#core/ledger-shard.ts';
import {
  CONTROL_ITEM,
  CONTROL_PARTITION,
  DELIVERY_ATTRIBUTE,
  LEDGER_KEY,
  MIRROR_PREFIX,
} from '#core/names.ts';
import type { Controls } from '#core/ports.ts';
import type { Clients } from './clients.ts';

export interface LedgerRow {
  state: string;
  etag: string;
  /** The hub's ETag that each destination has confirmed, by its name; empty: it holds nothing. */
  mirrored: Readonly<Record<string, string>>;
  /** The same of the file manager; absent: it was told nothing yet. */
  delivered?: string;
}

const row = z.looseObject({
  state: z.string(),
  etag: z.string().default(''),
  [DELIVERY_ATTRIBUTE]: z.object({ etag: z.string() }).optional(),
});
const mirrorRecord = z.object({ sourceEtag: z.string() });
const controlItem = z.object({ [CONTROL_ITEM.json]: z.string(), [CONTROL_ITEM.revision]: z.number() });

export async function ledgerRow(
  clients: Clients,
  table: string,
  key: string,
): Promise<LedgerRow | undefined> {
  const item = await itemOf(clients, table, String(ledgerShard(key)), key);
  if (item === undefined) return undefined;
  const { state, etag, delivery, ...more } = row.parse(item);
  const mirrored = Object.entries(more)
    .filter(([name]) => name.startsWith(MIRROR_PREFIX))
    .map(([name, record]) => [name.slice(MIRROR_PREFIX.length), mirrorRecord.parse(record).sourceEtag]);
  return {
    state,
    etag,
    mirrored: Object.fromEntries(mirrored),
    ...(delivery === undefined ? {} : { delivered: delivery.etag }),
  };
}

export function controlReader(clients: Clients, table: string): Pick<Controls, 'get'> {
  return {
    async get(name) {
      const item = await itemOf(clients, table, CONTROL_PARTITION, name);
      if (item === undefined) return undefined;
      const { json, revision } = controlItem.parse(item);
      return { value: JSON.parse(json), revision };
    },
  };
}

async function itemOf(
  clients: Clients,
  TableName: string,
  partition: string,
  sort: string,
): Promise<Record<string, unknown> | undefined> {
  const Key = { [LEDGER_KEY.partition]: partition, [LEDGER_KEY.sort]: sort };
  const { Item } = await clients.dynamo().send(new GetCommand({ TableName, Key, ConsistentRead: true }));
  return Item;
}
