import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, inject, it } from 'vitest';
import { createDynamoControls } from '#adapters/controls-dynamo.ts';
import { createDynamoLedger } from '#adapters/ledger-dynamo.ts';
import { CONTROL_PARTITION, LEDGER_KEY } from '#core/names.ts';
import { controlsContract } from '../contracts/controls.ts';
import { emulatedTable } from '../doubles/dynamo-table.ts';

controlsContract('controls in DynamoDB', async () => createDynamoControls(await emulatedTable()));

it('keeps controls apart from the entries of the ledger beside them', async () => {
  const at = await emulatedTable();
  await createDynamoControls(at).put('guard-one', {}, 0);
  expect(await Array.fromAsync(createDynamoLedger(at).entries())).toEqual([]);
});

it('names the table when it does not exist, and the control that holds something else', async () => {
  const nowhere = createDynamoControls({
    table: 'no-such',
    endpoint: inject('endpoint'),
    region: 'us-east-1',
  });
  const missing = { name: 'SyncError', code: 'ResourceNotFoundException', retryable: false };
  await expect(nowhere.get('one')).rejects.toMatchObject(missing);
  await expect(nowhere.put('one', 1, 0)).rejects.toMatchObject(missing);

  const { table, ...at } = await emulatedTable();
  const client = new DynamoDBClient(at);
  for (const json of ['{', undefined]) {
    const Item = {
      [LEDGER_KEY.partition]: { S: CONTROL_PARTITION },
      [LEDGER_KEY.sort]: { S: 'one' },
      revision: { N: '1' },
      ...(json === undefined ? {} : { json: { S: json } }),
    };
    await client.send(new PutItemCommand({ TableName: table, Item }));
    const controls = createDynamoControls({ table, ...at });
    await expect(controls.get('one')).rejects.toMatchObject({ code: 'BadControl', key: 'one' });
  }
  client.destroy();
});
