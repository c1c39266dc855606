/** Controls in the table of the ledger, in a partition of their own. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { SyncError } from '#core/errors.ts';
import { CONTROL_ITEM, CONTROL_PARTITION, LEDGER_KEY } from '#core/names.ts';
import type { Controls } from '#core/ports.ts';

export interface DynamoControlsOptions {
  table: string;
  region?: string;
  /** Absent: what the SDK finds, AWS_ENDPOINT_URL included. */
  endpoint?: string;
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html */
const NOT_RETRYABLE = new Set([
  'AccessDeniedException',
  'ResourceNotFoundException',
  'ValidationException',
  'ItemCollectionSizeLimitExceededException',
]);

export function createDynamoControls(options: DynamoControlsOptions): Controls & { close(): void } {
  const { table: TableName, region, endpoint } = options;
  const base = new DynamoDBClient({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: 6,
  });
  const client = DynamoDBDocumentClient.from(base);
  const keyOf = (name: string) => ({ [LEDGER_KEY.partition]: CONTROL_PARTITION, [LEDGER_KEY.sort]: name });

  return {
    async get(name) {
      let item: Record<string, unknown> | undefined;
      try {
        const command = new GetCommand({ TableName, Key: keyOf(name), ConsistentRead: true });
        item = (await client.send(command)).Item;
      } catch (error) {
        throw controlError(error, 'GetItem', TableName, name);
      }
      if (item === undefined) return undefined;
      const { [CONTROL_ITEM.json]: json, [CONTROL_ITEM.revision]: revision } = item;
      if (typeof json !== 'string' || typeof revision !== 'number') throw unreadable(TableName, name);
      return { value: parsed(json, TableName, name), revision };
    },
    async put(name, value, revision) {
      try {
        await client.send(
          new PutCommand({
            TableName,
            Item: {
              ...keyOf(name),
              [CONTROL_ITEM.json]: JSON.stringify(value),
              [CONTROL_ITEM.revision]: revision + 1,
            },
            ConditionExpression: revision === 0 ? 'attribute_not_exists(#revision)' : '#revision = :before',
            ExpressionAttributeNames: { '#revision': CONTROL_ITEM.revision },
            ...(revision === 0 ? {} : { ExpressionAttributeValues: { ':before': revision } }),
          }),
        );
        return 'written';
      } catch (error) {
        if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return 'conflict';
        throw controlError(error, 'PutItem', TableName, name);
      }
    },
    close: () => base.destroy(),
  };
}

function parsed(json: string, table: string, name: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw unreadable(table, name, error);
  }
}

function unreadable(table: string, name: string, cause?: unknown): SyncError {
  return new SyncError(`control ${name} in ${table} is not one: it has no JSON and revision`, {
    op: 'read-control',
    key: name,
    retryable: false,
    code: 'BadControl',
    cause,
  });
}

function controlError(error: unknown, op: string, table: string, name: string): SyncError {
  const code = error instanceof Error ? error.name : 'Unknown';
  const message = error instanceof Error ? error.message : String(error);
  return new SyncError(`${op} ${table} ${name}: ${code}: ${message}`, {
    op,
    key: name,
    code,
    retryable: !NOT_RETRYABLE.has(code),
    cause: error,
  });
}
