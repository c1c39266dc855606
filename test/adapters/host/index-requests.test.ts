/** The command line beside a running agent: two processes, one index. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import { startChild, temporaryFolder } from './folder.ts';
import { rowOf } from './index-rows.ts';

const MODULE = join(import.meta.dirname, '../../../adapters/host/index-db.ts');
const COMMAND_LINE = `(async () => {
  const { openIndex } = await import(process.argv[1]);
  const index = openIndex(process.argv[2], { beside: true });
  for (let n = 0; n < 6; n++) {
    index.request(n % 2 === 0 ? 'retry' : 'approve-deletes', 'f' + n);
    index.counts('out');
  }
  index.close();
  console.log('done');
})()`;

test('requests of another connection are taken once, in their order', () => {
  const file = join(temporaryFolder(), 'index.db');
  const agent = openIndex(file);
  expect(agent.takeRequests()).toEqual([]);
  const command = openIndex(file, { beside: true });
  command.request('retry', 'out');
  command.request('approve-deletes', 'in');
  const expected = [
    { kind: 'retry', folder: 'out' },
    { kind: 'approve-deletes', folder: 'in' },
  ];
  expect(agent.takeRequests()).toEqual(expected);
  expect(agent.takeRequests()).toEqual([]);
  command.request('retry', 'out');
  agent.close();
  const restarted = openIndex(file);
  expect(restarted.takeRequests()).toEqual([expected[0]]);
  restarted.request('retry', 'own');
  expect(restarted.takeRequests()).toEqual([{ kind: 'retry', folder: 'own' }]);
  command.close();
  restarted.close();
});

test('another process reads and writes while the agent writes, and nothing of either is lost', async () => {
  const file = join(temporaryFolder(), 'index.db');
  const agent = openIndex(file);
  const ended = startChild(COMMAND_LINE, MODULE, file).line();
  const requests: string[] = [];
  let rows = 0;
  let running = true;
  const done = ended.then((line) => {
    running = false;
    return line;
  });
  while (running) {
    for (let n = 0; n < 6; n++) agent.put(rowOf(`${rows++}`));
    await new Promise((resolve) => setImmediate(resolve));
    requests.push(...agent.takeRequests().map(({ folder }) => folder));
  }
  expect(await done).toBe('done');
  requests.push(...agent.takeRequests().map(({ folder }) => folder));
  expect(requests).toEqual(Array.from({ length: 6 }, (_, n) => `f${n}`));
  agent.close();
  const after = openIndex(file);
  expect(after.counts('out').synced).toBe(rows);
  after.close();
});

test('the command line makes no index and changes none that the agent has yet to bring up to date', () => {
  const file = join(temporaryFolder(), 'index.db');
  expect(() => openIndex(file, { beside: true })).toThrow(expect.objectContaining({ code: 'IndexAbsent' }));
  expect(existsSync(file)).toBe(false);
  const old = new DatabaseSync(file);
  old.exec('CREATE TABLE files (x); PRAGMA user_version = 1');
  old.close();
  expect(() => openIndex(file, { beside: true })).toThrow(expect.objectContaining({ code: 'IndexTooOld' }));
});
