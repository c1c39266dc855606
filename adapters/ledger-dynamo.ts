/** The ledger in DynamoDB: partition = shard of the key, sort key = the key; mirror and delivery records beside it. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  type QueryCommandOutput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import { ledgerShard } from '#core/ledger-shard.ts';
import { mergeSorted } from '#core/merge-sorted.ts';
import { DELIVERY_ATTRIBUTE, LEDGER_KEY, LEDGER_SHARDS, MIRROR_PREFIX } from '#core/names.ts';
import type { Ledger } from '#core/ports.ts';
import { compareUtf8 } from '#core/utf8.ts';
import { entryOf } from './ledger-item.ts';

export interface DynamoLedgerOptions {
  table: string;
  region?: string;
  /** Absent: what the SDK finds, AWS_ENDPOINT_URL included. */
  endpoint?: string;
  /**
   * By the names of destinations the places that they are now. A record of a copy is of the place that it was made for:
   * where the destination is another, nobody reads it. Absent: every record is read.
   */
  places?: Readonly<Record<string, string>>;
  /** Items a query page; two pages of each shard are held while `entries` is read. */
  pageItems?: number;
}

const ATTRIBUTES = [
  'state',
  'revision',
  'sequencer',
  'etag',
  'versionId',
  'sizeBytes',
  'eventTimeMs',
] as const;
/** They go when the entry has them no longer. */
const OPTIONAL = [LEDGER_KEY.ttl, 'permissions'] as const;
const ATTRIBUTE_NAMES = Object.fromEntries(ATTRIBUTES.map((name) => [`#${name}`, name]));

/** What makes a row of an item that no event has written yet. */
const ROW_SETS = '#state = if_not_exists(#state, :unknown), #revision = if_not_exists(#revision, :zero)';
const ROW_NAMES = { '#state': 'state', '#revision': 'revision' };
const ROW_VALUES = { ':unknown': 'unknown', ':zero': 0 };

export function createDynamoLedger(options: DynamoLedgerOptions): Ledger & { close(): void } {
  const { table: TableName, places = {}, pageItems = 200 } = options;
  const base = new DynamoDBClient({
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    maxAttempts: 6,
  });
  const client = DynamoDBDocumentClient.from(base);
  const keyOf = (key: string) => ({
    [LEDGER_KEY.partition]: String(ledgerShard(key)),
    [LEDGER_KEY.sort]: key,
  });

  /** One shard in key order after that key; the next page is on its way while one is read. */
  async function* shardEntries(shard: number, after: ObjectKey | undefined): AsyncGenerator<LedgerEntry> {
    const page = (start: Record<string, unknown> | undefined): Promise<Settled<QueryCommandOutput>> =>
      settled(
        client.send(
          new QueryCommand({
            TableName,
            KeyConditionExpression: after === undefined ? '#pk = :pk' : '#pk = :pk AND #sk > :after',
            ExpressionAttributeNames: {
              '#pk': LEDGER_KEY.partition,
              ...(after === undefined ? {} : { '#sk': LEDGER_KEY.sort }),
            },
            ExpressionAttributeValues: {
              ':pk': String(shard),
              ...(after === undefined ? {} : { ':after': after }),
            },
            Limit: pageItems,
            ...(start === undefined ? {} : { ExclusiveStartKey: start }),
          }),
        ),
      );
    let pending: Promise<Settled<QueryCommandOutput>> | undefined = page(undefined);
    while (pending !== undefined) {
      const outcome: Settled<QueryCommandOutput> = await pending;
      if ('error' in outcome) throw ledgerError(outcome.error, 'Query', TableName, '');
      const { Items = [], LastEvaluatedKey }: QueryCommandOutput = outcome.value;
      pending = LastEvaluatedKey === undefined ? undefined : page(LastEvaluatedKey);
      for (const item of Items) yield entryOf(item, places);
    }
  }

  return {
    async get(key) {
      try {
        const { Item } = await client.send(
          new GetCommand({ TableName, Key: keyOf(key), ConsistentRead: true }),
        );
        return Item === undefined ? undefined : entryOf(Item, places);
      } catch (error) {
        throw ledgerError(error, 'GetItem', TableName, key);
      }
    },
    async put(entry) {
      const names: Record<string, string> = { ...ATTRIBUTE_NAMES };
      const values: Record<string, unknown> = Object.fromEntries(
        ATTRIBUTES.map((name) => [`:${name}`, entry[name]]),
      );
      const sets = ATTRIBUTES.map((name) => `#${name} = :${name}`);
      const removes: string[] = [];
      for (const name of OPTIONAL) {
        names[`#${name}`] = name;
        if (entry[name] === undefined) removes.push(`#${name}`);
        else {
          sets.push(`#${name} = :${name}`);
          values[`:${name}`] = entry[name];
        }
      }
      return conditional(entry.key, {
        TableName,
        Key: keyOf(entry.key),
        UpdateExpression: `SET ${sets.join(', ')}${removes.length === 0 ? '' : ` REMOVE ${removes.join(', ')}`}`,
        // A row that only a mirror or a delivery has written has revision 0.
        ConditionExpression:
          entry.revision === 1
            ? 'attribute_not_exists(#revision) OR #revision = :before'
            : '#revision = :before',
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: { ...values, ':before': entry.revision - 1 },
      });
    },
    async recordMirror(key, destination, record) {
      await conditional(key, {
        TableName,
        Key: keyOf(key),
        UpdateExpression: `SET #mirror = :record, ${ROW_SETS}`,
        // Two handlers may finish in the other order; the record that was confirmed last stays.
        ConditionExpression: 'attribute_not_exists(#mirror) OR #mirror.#atMs <= :atMs',
        ExpressionAttributeNames: { '#mirror': MIRROR_PREFIX + destination, '#atMs': 'atMs', ...ROW_NAMES },
        ExpressionAttributeValues: {
          ':record': destination in places ? { ...record, place: places[destination] } : record,
          ':atMs': record.atMs,
          ...ROW_VALUES,
        },
      });
    },
    recordDelivery: (key, record, before) =>
      conditional(key, {
        TableName,
        Key: keyOf(key),
        UpdateExpression:
          record === undefined ? `SET ${ROW_SETS} REMOVE #delivery` : `SET #delivery = :record, ${ROW_SETS}`,
        ConditionExpression: before === undefined ? 'attribute_not_exists(#delivery)' : '#delivery = :before',
        ExpressionAttributeNames: { '#delivery': DELIVERY_ATTRIBUTE, ...ROW_NAMES },
        ExpressionAttributeValues: {
          ...(record === undefined ? {} : { ':record': record }),
          ...(before === undefined ? {} : { ':before': before }),
          ...ROW_VALUES,
        },
      }),
    entries: ({ after } = {}) =>
      mergeSorted(
        Array.from({ length: LEDGER_SHARDS }, (_, shard) => shardEntries(shard, after)),
        (left, right) => compareUtf8(left.key, right.key),
      ),
    close: () => base.destroy(),
  };

  async function conditional(
    key: ObjectKey,
    input: ConstructorParameters<typeof UpdateCommand>[0],
  ): Promise<'written' | 'conflict'> {
    try {
      await client.send(new UpdateCommand(input));
      return 'written';
    } catch (error) {
      if (nameOf(error) === 'ConditionalCheckFailedException') return 'conflict';
      throw ledgerError(error, 'UpdateItem', TableName, key);
    }
  }
}

type Settled<Value> = { value: Value } | { error: unknown };

/** A promise whose failure waits to be looked at: a page fetched ahead may fail before anyone asks for it. */
function settled<Value>(promise: Promise<Value>): Promise<Settled<Value>> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html */
const NOT_RETRYABLE: Record<string, string> = {
  AccessDeniedException: 'Check the policy of these credentials for the ledger table.',
  ResourceNotFoundException: 'The ledger table does not exist: check its name and the region.',
  ValidationException: 'The table does not have the key schema of the ledger, or the key is too long for it.',
};

function ledgerError(error: unknown, op: string, table: string, key: string): SyncError {
  const code = nameOf(error);
  const hint = NOT_RETRYABLE[code];
  const message = error instanceof Error ? error.message : String(error);
  return new SyncError(`${op} ${table}${key === '' ? '' : ` ${key}`}: ${code}: ${message}`, {
    op,
    key,
    code,
    retryable: hint === undefined,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Unknown';
}
