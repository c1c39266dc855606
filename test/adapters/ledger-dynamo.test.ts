import { expect, inject, it } from 'vitest';
import { createDynamoLedger } from '#adapters/ledger-dynamo.ts';
import { objectKey } from '#core/key.ts';
import { ledgerContract } from '../contracts/ledger.ts';
import { emulatedLedger, emulatedTable } from '../doubles/dynamo-table.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';

// Pages of four: the listing of the contract then reads several of each shard.
ledgerContract('the ledger in DynamoDB', () => emulatedLedger(4));

it('knows of copies only where they were made: a destination that has another place now has none', async () => {
  const table = await emulatedTable();
  const [key, record] = [objectKey('k'), { sourceEtag: 'etag-1', atMs: 5 }];
  const at = (place: string) => createDynamoLedger({ ...table, places: { one: place } });
  const mirrorsAt = async (place: string) => [
    (await at(place).get(key))?.mirrors,
    (await Array.fromAsync(at(place).entries()))[0]?.mirrors,
  ];
  await at('here').recordMirror(key, 'one', record);
  await at('here').recordMirror(key, 'gone', record);
  const both = { one: record, gone: record };
  expect(await mirrorsAt('here')).toEqual([both, both]);
  expect(await mirrorsAt('there')).toEqual([{ gone: record }, { gone: record }]);
  await at('there').recordMirror(key, 'one', record);
  expect(await mirrorsAt('here')).toEqual([{ gone: record }, { gone: record }]);
});

it('names the table when it does not exist, in every operation', async () => {
  const ledger = createDynamoLedger({ table: 'no-such', endpoint: inject('endpoint'), region: 'us-east-1' });
  const expected = { name: 'SyncError', code: 'ResourceNotFoundException', retryable: false };
  const key = objectKey('k');
  await expect(ledger.get(key)).rejects.toMatchObject(expected);
  await expect(ledger.put(ledgerEntry())).rejects.toMatchObject(expected);
  await expect(ledger.recordMirror(key, 'one', { sourceEtag: '', atMs: 0 })).rejects.toMatchObject(expected);
  await expect(ledger.recordDelivery(key, undefined, undefined)).rejects.toMatchObject(expected);
  await expect(ledger.entries()[Symbol.asyncIterator]().next()).rejects.toMatchObject(expected);
});
