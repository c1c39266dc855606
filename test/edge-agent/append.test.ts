/** The `append` mode: the real agent on real files, against a real S3 server. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { contentOf } from '../contracts/object-store.ts';
import { agentUnderTest, agentYaml } from './agent-process.ts';

const SOON = { timeout: 30_000, interval: 50 };
const MARKER = 'synced.txt';
const bytes = (text: string) => new TextEncoder().encode(text);

async function appended(folder: Record<string, unknown> = {}, settings: Record<string, unknown> = {}) {
  const defaults = { mode: 'append', schedule: 'once', marker: MARKER };
  const agent = await agentUnderTest({
    config: (place) => agentYaml(place, { ...defaults, ...folder }, settings),
  });
  const path = (name: string) => join(agent.folder, name);
  const keys = async () => (await Array.fromAsync(agent.store.list('output/'))).map(({ key }) => key);
  const isMarked = (directory: string) => existsSync(path(join(directory, MARKER)));
  return { ...agent, path, keys, isMarked };
}

it('uploads what the bucket lacks, deletes and overwrites nothing, and ends by itself', async () => {
  const { store, start, keys, path } = await appended({ compare: 'presence' });
  writeFileSync(path('new'), 'new');
  writeFileSync(path('there'), 'local');
  await store.put(objectKey('output/there'), bytes('in the bucket'), { metadata: {} });
  await store.put(objectKey('output/foreign'), bytes('foreign'), { metadata: {} });
  expect(await start('run').exit).toBe(0);
  expect(await keys()).toEqual(['output/foreign', 'output/new', 'output/there']);
  expect(await contentOf(store, objectKey('output/there'))).toBe('in the bucket');
  unlinkSync(path('new'));
  expect(await start('run').exit).toBe(0);
  expect(await keys()).toHaveLength(3);
});

it.each([
  { compare: 'size', object: 'Local', conflict: false },
  { compare: 'size', object: 'longer', conflict: true },
  { compare: 'content', object: 'local', conflict: false },
  { compare: 'content', object: 'Local', conflict: true },
  { compare: 'mtime', object: 'local', conflict: true },
])(
  'with compare: $compare takes an object "$object" for the file "local": conflict is $conflict',
  async (one) => {
    const { store, start, path } = await appended({ compare: one.compare });
    writeFileSync(path('f'), 'local');
    await store.put(objectKey('output/f'), bytes(one.object), { metadata: {} });
    const agent = start('once');
    expect(await agent.exit).toBe(one.conflict ? 1 : 0);
    expect(agent.output().includes('conflict: the bucket holds')).toBe(one.conflict);
    expect(await contentOf(store, objectKey('output/f'))).toBe(one.object);
  },
);

it('marks complete directories, children first, and none that lacks a file or has such a child', async () => {
  const { start, path, isMarked } = await appended();
  for (const directory of ['whole/deep', 'broken/whole', 'broken/part']) {
    mkdirSync(path(directory), { recursive: true });
    writeFileSync(path(`${directory}/f`), directory);
  }
  symlinkSync('/etc/hostname', path('broken/part/link'));
  const agent = start('once');
  expect(await agent.exit).toBe(1);
  expect(['whole/deep', 'whole', 'broken/whole'].map(isMarked)).toEqual([true, true, true]);
  expect(['broken/part', 'broken', ''].map(isMarked)).toEqual([false, false, false]);
  expect(readFileSync(path(`whole/${MARKER}`), 'utf8')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z\n$/);
  const said = agent.output();
  expect(said.indexOf('marked output/whole/deep')).toBeLessThan(said.indexOf('marked output/whole\n'));
  expect(said).toContain('incomplete: 1 files are not in the bucket key=output/broken/part');
  expect(said).toContain('incomplete: a directory below it is not complete key=output/broken');
});

it('withdraws the markers above a new file before it uploads it, and writes them again', async () => {
  const { start, path, isMarked } = await appended({ schedule: 'close' });
  mkdirSync(path('a/b'), { recursive: true });
  writeFileSync(path('a/b/one'), '1');
  const agent = start('run');
  await agent.says('marked output/a/b');
  await expect.poll(() => isMarked(''), SOON).toBe(true);
  writeFileSync(path('a/b/two'), '2');
  await agent.says('unmarked output/a/b');
  await agent.says('uploaded output/a/b/two');
  await expect.poll(() => ['a/b', 'a', ''].every(isMarked), SOON).toBe(true);
  const said = agent.output();
  expect(said.indexOf('unmarked output/a/b')).toBeLessThan(said.indexOf('uploaded output/a/b/two'));
});

it('looks again on every pass: what went from the bucket is uploaded again, and was not marked meanwhile', async () => {
  const { store, start, path, isMarked } = await appended();
  mkdirSync(path('d'));
  writeFileSync(path('d/f'), 'f');
  expect(await start('once').exit).toBe(0);
  expect(isMarked('d')).toBe(true);
  await store.delete(objectKey('output/d/f'));
  const again = start('once');
  expect(await again.exit).toBe(0);
  expect(again.output()).toContain('is not in the bucket any more output/d/f');
  expect(again.output()).toContain('unmarked output/d');
  expect(await contentOf(store, objectKey('output/d/f'))).toBe('f');
});

it('repeats its passes at the interval, one after the other', async () => {
  const { start, path } = await appended({ schedule: { every: '100ms' } });
  const agent = start('run');
  await agent.says('pass ended');
  writeFileSync(path('later'), 'later');
  await agent.says('uploaded output/later');
  agent.process.kill('SIGTERM');
  expect(await agent.exit).toBe(0);
});

it('leaves a file alone that has the name of the marker but is not one', async () => {
  const { start, path } = await appended();
  writeFileSync(path(MARKER), 'my notes');
  writeFileSync(path('f'), 'f');
  const agent = start('once');
  await agent.exit;
  expect(readFileSync(path(MARKER), 'utf8')).toBe('my notes');
  expect(agent.output()).toContain('a file has the name of the marker');
});
