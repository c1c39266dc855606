import { expect, it } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import type { Fingerprint } from '#adapters/host/tree.ts';
import { objectKey } from '#core/key.ts';
import { abortAbandoned } from '../../edge-agent/upload-abandoned.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const DAY_MS = 86_400_000;
const SAME: Fingerprint = { dev: 1n, ino: 2n, sizeBytes: 3, mtimeNs: 4n, ctimeNs: 5n };

it('removes uploads whose file is gone or other, and old ones that nobody knows; no others', async () => {
  let nowMs = 10 * DAY_MS;
  const store = createMemoryStore({ nowMs: () => nowMs });
  const index = openIndex(`${temporaryFolder()}/index.db`);
  const begin = async (name: string, folder?: string) => {
    const key = objectKey(name);
    const uploadId = await store.createMultipart(key, { metadata: {} });
    if (folder === undefined) return;
    index.beginUpload({ folder, path: Buffer.from(name), ...SAME, key, uploadId, partBytes: 1, parts: [] });
  };
  for (const name of ['out/same', 'out/gone', 'out/changed']) await begin(name, 'out');
  await begin('out/nobody-old');
  await begin('theirs/old');
  nowMs += DAY_MS - 1;
  await begin('out/nobody-new');
  nowMs += 1;

  const files = new Map([
    ['out/same', SAME],
    ['out/changed', { ...SAME, ctimeNs: 6n }],
  ]);
  const aborted: string[] = [];
  await abortAbandoned(store, index, 'out', 'out/', {
    olderThanMs: DAY_MS,
    nowMs,
    stateOf: (path) => files.get(path.toString()),
    onAborted: (key, reason) => aborted.push(`${key}: ${reason}`),
  });
  expect(aborted).toEqual([
    'out/changed: its file has changed',
    'out/gone: its file is gone',
    'out/nobody-old: nobody will finish it',
  ]);
  const left = (await Array.fromAsync(store.listUploads(''))).map(({ key }) => key);
  expect(left).toEqual(['out/nobody-new', 'out/same', 'theirs/old']);
  expect(index.uploads('out').map(({ key }) => key)).toEqual(['out/same']);
  index.close();
});
