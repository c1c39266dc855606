/** Keys that others have chosen: what they may not do to the host (torture 33). */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { receiveSetup } from './receive-setup.ts';

it('takes the first of "file" and "file/child", and keeps the other in the bucket until it fits', async () => {
  const { put, once, inBucket, path } = receiveSetup({}, { concurrency: 1 });
  await put('file', 'a file');
  await put('file/child', 'a child');
  expect(await once()).toBe(1);
  expect([inBucket('file'), inBucket('file/child')].filter(Boolean)).toHaveLength(1);
  rmSync(path('file'), { recursive: true });
  expect(await once()).toBe(0);
});

it('takes keys that differ in case only for two files', async () => {
  const { put, once, read } = receiveSetup();
  await put('File', 'upper');
  await put('file', 'lower');
  expect(await once()).toBe(0);
  expect([read('File'), read('file')]).toEqual(['upper', 'lower']);
});

it.each([
  '../escaped',
  'a/../../escaped',
  '/escaped',
  'a//b',
  './a',
  '.sluice/lock',
  'a\0b',
  'n'.repeat(256),
])('refuses the key %j visibly, writes nothing, and keeps the object', async (name) => {
  const { put, once, tree, root, inBucket, row, memory, messages } = receiveSetup();
  await put(name, 'hostile');
  await put('other', 'content');
  expect(await once()).toBe(1);
  expect(tree()).toEqual(['other']);
  expect(readdirSync(join(root, '..'))).toEqual(['folder']);
  expect(existsSync('/escaped')).toBe(false);
  expect(inBucket(name)).toBe(true);
  expect(row(name)?.state).toBe('parked');
  expect(messages('WARN')).toHaveLength(1);
  await memory.delete(receiveKey(name));
  expect(await once()).toBe(0);
  expect(row(name)).toBeUndefined();
});

it('names the place of a directory once, and is not held up by it', async () => {
  const { put, once, tree, inBucket, messages, row } = receiveSetup();
  await put('d/', '');
  await put('', '');
  expect(await once()).toBe(0);
  expect(await once()).toBe(0);
  expect(tree()).toEqual([]);
  expect(inBucket('d/')).toBe(true);
  expect(messages('WARN')).toEqual(['skipped: stands for a directory and is no file']);
  expect(row('d/')?.state).toBe('parked');
});

it('leaves the agents own objects and probes alone, without a word', async () => {
  const { memory, once, tree, messages } = receiveSetup({ prefix: '' });
  await memory.put(receiveKey('x', '.sluice/owners/'), Buffer.from('{}'), { metadata: {} });
  await memory.put(receiveKey('.sluice-probe-1', 'd/'), Buffer.from('{}'), { metadata: {} });
  expect(await once()).toBe(0);
  expect(tree()).toEqual([]);
  expect(messages('WARN')).toEqual([]);
});

function receiveKey(name: string, prefix = 'in/') {
  return objectKey(prefix + name);
}
