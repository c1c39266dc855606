/** A ledger table of its own on the emulator. */
import { randomUUID } from 'node:crypto';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { inject, vi } from 'vitest';
import { createDynamoLedger } from '#adapters/ledger-dynamo.ts';
import { LEDGER_KEY } from '#core/names.ts';

export async function emulatedLedger(pageItems?: number): Promise<ReturnType<typeof createDynamoLedger>> {
  return createDynamoLedger({
    ...(await emulatedTable()),
    ...(pageItems === undefined ? {} : { pageItems }),
  });
}

export async function emulatedTable(): Promise<{ table: string; endpoint: string; region: string }> {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  const at = { endpoint: inject('endpoint'), region: 'us-east-1' };
  const client = new DynamoDBClient(at);
  const table = `ledger-${randomUUID()}`;
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: LEDGER_KEY.partition, AttributeType: 'S' },
        { AttributeName: LEDGER_KEY.sort, AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: LEDGER_KEY.partition, KeyType: 'HASH' },
        { AttributeName: LEDGER_KEY.sort, KeyType: 'RANGE' },
      ],
    }),
  );
  client.destroy();
  return { table, ...at };
}
