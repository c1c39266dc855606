/** The `mirror` mode: the real agent on real files, against a real S3 server. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { contentOf } from '../contracts/object-store.ts';
import { agentUnderTest, agentYaml, type Place } from './agent-process.ts';

const SOON = { timeout: 30_000, interval: 50 };
const PART_BYTES = 5 * 1024 * 1024;

async function mirrored(
  folder: Record<string, unknown> = {},
  settings: Record<string, unknown> = {},
  wrapper: string[] = [],
) {
  const config = (place: Place) => agentYaml(place, { mode: 'mirror', ...folder }, settings);
  const agent = await agentUnderTest({ config, wrapper });
  const keys = async () => (await keysOf(agent.store)).filter((key) => key.startsWith('output/'));
  return { ...agent, keys, path: (name: string) => join(agent.folder, name) };
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  return (await Array.fromAsync(store.list(''))).map(({ key }) => key);
}

it('keeps the bucket as the folder is: created, changed and deleted, and the local files stay', async () => {
  const { store, start, keys, path } = await mirrored();
  mkdirSync(path('a'));
  writeFileSync(path('a/before'), 'was there');
  const agent = start('run');
  await agent.says('uploaded output/a/before');
  writeFileSync(path('new'), 'one');
  await agent.says('uploaded output/new');
  writeFileSync(path('new'), 'two!');
  await expect.poll(() => contentOf(store, objectKey('output/new')), SOON).toBe('two!');
  rmSync(path('a'), { recursive: true });
  await agent.says('deleted output/a/before');
  expect(await keys()).toEqual(['output/new']);
  expect(existsSync(path('new'))).toBe(true);
});

it('sends nothing again for what it has sent, after a restart', async () => {
  const { start, path } = await mirrored();
  writeFileSync(path('a'), 'a');
  writeFileSync(path('b'), 'b');
  expect(await start('once').exit).toBe(0);
  const again = start('once');
  expect(await again.exit).toBe(0);
  expect(again.output()).not.toContain('uploaded');
});

it('renames a directory by copies and deletes, without an upload, whatever the guard allows', async () => {
  const { start, keys, path } = await mirrored({ guard: { count: 2, share: 0, shareFrom: 0 } });
  mkdirSync(path('old/deep'), { recursive: true });
  for (let index = 0; index < 20; index++) writeFileSync(path(`old/deep/f${index}`), `content ${index}`);
  const agent = start('run');
  await expect.poll(() => agent.output().match(/uploaded/g), SOON).toHaveLength(20);
  await agent.says('watching');
  const before = agent.output().match(/uploaded/g)?.length;
  renameSync(path('old'), path('new'));
  await expect
    .poll(async () => (await keys()).every((key) => key.startsWith('output/new/deep/')), SOON)
    .toBe(true);
  expect(await keys()).toHaveLength(20);
  expect(agent.output().match(/uploaded/g)).toHaveLength(before ?? 0);
  expect(agent.output().match(/copied/g)).toHaveLength(20);
  expect(agent.output()).not.toContain('held:');
});

it('copies a renamed file that was sent in parts in the same parts', async () => {
  const { store, start, path } = await mirrored({}, { limits: { partBytes: PART_BYTES } });
  writeFileSync(path('large'), Buffer.alloc(2 * PART_BYTES + 1, 'x'));
  const agent = start('run');
  await agent.says('uploaded output/large');
  await agent.says('watching');
  const { etag } = (await store.head(objectKey('output/large'))) ?? {};
  expect(etag).toMatch(/-3$/);
  renameSync(path('large'), path('renamed'));
  await agent.says('deleted output/large');
  expect(await store.head(objectKey('output/renamed'))).toMatchObject({
    etag,
    sizeBytes: 2 * PART_BYTES + 1,
  });
  expect(agent.output().match(/uploaded/g)).toHaveLength(1);
});

it('keeps the object of one hard link when the other goes', async () => {
  const { start, keys, path } = await mirrored();
  writeFileSync(path('one'), 'linked');
  const agent = start('run');
  await agent.says('uploaded output/one');
  await agent.says('watching');
  linkSync(path('one'), path('two'));
  await agent.says('copied output/two');
  unlinkSync(path('one'));
  await agent.says('deleted output/one');
  expect(await keys()).toEqual(['output/two']);
});

it('brings new attributes of an unchanged file by a copy, and sends what was truncated by name', async () => {
  const { store, start, path } = await mirrored({}, { rescan: '1s' });
  writeFileSync(path('f'), 'content');
  const agent = start('run');
  await agent.says('uploaded output/f');
  await agent.says('watching');
  chmodSync(path('f'), 0o600);
  utimesSync(path('f'), 1_000_000_000, 1_000_000_000);
  await expect
    .poll(async () => (await store.head(objectKey('output/f')))?.metadata, SOON)
    .toMatchObject({ mode: '600', mtime: '1000000000.000000000' });
  expect(agent.output().match(/uploaded/g)).toHaveLength(1);
  truncateSync(path('f'), 3);
  await expect.poll(() => contentOf(store, objectKey('output/f')), SOON).toBe('con');
});

it('holds deletes that look like a catastrophe until somebody approves them', async () => {
  const { start, keys, path } = await mirrored({ guard: { shareFrom: 2 } });
  for (let index = 0; index < 10; index++) writeFileSync(path(`f${index}`), `content ${index}`);
  const agent = start('run');
  await expect.poll(() => agent.output().match(/uploaded/g), SOON).toHaveLength(10);
  await agent.says('watching');
  for (let index = 0; index < 6; index++) unlinkSync(path(`f${index}`));
  await agent.says('held: 6 deletes wait for approval: 6 of 10 files deleted; the guard allows 5');
  expect(await keys()).toHaveLength(10);
  const status = start('status', '--json');
  expect(await status.exit).toBe(0);
  expect(JSON.parse(status.output()).folders[0]).toMatchObject({ held: 6, live: { state: 'held' } });
  const approve = start('approve-deletes', '--folder', 'output');
  expect(await approve.exit).toBe(0);
  await expect.poll(keys, SOON).toEqual(['output/f6', 'output/f7', 'output/f8', 'output/f9']);
});

it('deletes nothing when the folder is another one or was emptied', async () => {
  const { folder, start, keys, path } = await mirrored({ guard: { shareFrom: 0 } });
  mkdirSync(path('d'));
  for (let index = 0; index < 3; index++) writeFileSync(path(`d/f${index}`), `content ${index}`);
  expect(await start('once').exit).toBe(0);

  renameSync(folder, `${folder}.away`);
  mkdirSync(folder);
  const replaced = start('once');
  expect(await replaced.exit).toBe(1);
  expect(replaced.output()).toContain('has lost its .sluice/folder-id');
  expect(replaced.output()).toContain('sluice-agent accept-folder --folder output');
  expect(await keys()).toHaveLength(3);

  expect(await start('accept-folder', '--folder', 'output').exit).toBe(0);
  const emptied = start('once');
  expect(await emptied.exit).toBe(1);
  expect(emptied.output()).toContain('held: 3 deletes wait for approval');
  expect(await keys()).toHaveLength(3);
});

it('withholds deletes after a scan that could not read everything', async () => {
  // Root may read everything, unless it gives that up.
  const dropped = '-dac_override,-dac_read_search';
  const asRoot = process.getuid?.() === 0;
  const wrapper = asRoot ? ['setpriv', `--inh-caps=${dropped}`, `--bounding-set=${dropped}`] : [];
  const { start, keys, path } = await mirrored({}, {}, wrapper);
  mkdirSync(path('d'));
  writeFileSync(path('d/f'), 'f');
  writeFileSync(path('g'), 'g');
  expect(await start('once').exit).toBe(0);
  unlinkSync(path('g'));
  chmodSync(path('d'), 0);
  const blocked = start('once');
  expect(await blocked.exit).toBe(1);
  chmodSync(path('d'), 0o700);
  expect(blocked.output()).toContain('no deletes until a scan can read everything');
  expect(await keys()).toHaveLength(2);
  expect(await start('once').exit).toBe(0);
  expect(await keys()).toEqual(['output/d/f']);
});

it('leaves an object alone that somebody else has changed since', async () => {
  const { store, start, path } = await mirrored();
  writeFileSync(path('f'), 'ours');
  expect(await start('once').exit).toBe(0);
  unlinkSync(path('f'));
  const agent = start('run');
  await store.put(objectKey('output/f'), new TextEncoder().encode('theirs'), { metadata: {} });
  await agent.says('kept in the bucket: somebody else has changed the object');
  expect(await contentOf(store, objectKey('output/f'))).toBe('theirs');
});

it('takes what is in the bucket already for synced when it is the same, and overwrites what is not', async () => {
  const { store, start, path, config } = await mirrored();
  writeFileSync(path('same'), 'same');
  writeFileSync(path('other'), 'newer');
  await store.put(objectKey('output/same'), new TextEncoder().encode('same'), { metadata: {} });
  await store.put(objectKey('output/other'), new TextEncoder().encode('older'), { metadata: {} });
  const agent = start('once');
  expect(await agent.exit, config).toBe(0);
  expect(agent.output()).not.toContain('uploaded output/same');
  expect(await contentOf(store, objectKey('output/other'))).toBe('newer');
});

it('follows a symlink only by setting and only inside the folder', async () => {
  const { start, keys, path } = await mirrored({ symlinks: 'follow' });
  writeFileSync(path('target'), 'content');
  symlinkSync('target', path('inside'));
  symlinkSync('/etc/hostname', path('outside'));
  symlinkSync('..', path('up'));
  const agent = start('once');
  expect(await agent.exit).toBe(1);
  expect(await keys()).toEqual(['output/inside', 'output/target']);
  expect(agent.output()).toContain('skipped: is a symlink, not a file key=output/outside');
  // Whoever reads of the next pass alone has to hear it too.
  const next = start('once');
  expect(await next.exit).toBe(1);
  expect(next.output()).toContain('skipped: is a symlink, not a file key=output/outside');
});

it('keeps the object of a followed link that is there again when the deletes are judged', async () => {
  const { start, keys, path } = await mirrored({ symlinks: 'follow' });
  for (const name of ['target', 'other']) writeFileSync(path(name), name);
  symlinkSync('target', path('link'));
  const agent = start('run');
  await expect.poll(() => agent.output().match(/(?:uploaded|copied) /g), SOON).toHaveLength(3);
  await agent.says('watching');
  unlinkSync(path('link'));
  symlinkSync('target', path('link'));
  unlinkSync(path('other'));
  await agent.says('deleted output/other');
  expect(await keys()).toEqual(['output/link', 'output/target']);
});

it('does not upload what is ignored, too small or too large, and says so of the latter', async () => {
  const { start, keys, path } = await mirrored({
    ignore: ['*.log', '!.sluice-probe-*'],
    minBytes: 1,
    maxBytes: 10,
  });
  for (const name of ['good', 'a.log', '.hidden', 'b.tmp', 'c.swp', 'd~', 'e.tmp.1'])
    writeFileSync(path(name), 'x');
  writeFileSync(path('empty'), '');
  writeFileSync(path('large'), 'x'.repeat(11));
  writeFileSync(path('.sluice-probe-mine'), 'x');
  const agent = start('once');
  expect(await agent.exit).toBe(1);
  expect(await keys()).toEqual(['output/good']);
  expect(agent.output()).toContain('skipped: has 0 bytes; minBytes is 1 key=output/empty');
  expect(agent.output()).toContain('skipped: has 11 bytes; maxBytes is 10 key=output/large');
  expect(agent.output()).toContain('keeps for its own objects key=output/.sluice-probe-mine');
});

it('refuses a prefix that another host has, and touches nothing', async () => {
  const { store, start, keys, path } = await mirrored();
  writeFileSync(path('f'), 'f');
  expect(await start('once').exit).toBe(0);
  const [owner = ''] = (await keysOf(store)).filter((key) => key.startsWith('.sluice/owners/'));
  const theirs = { agent: 'other', machine: 'another', host: 'far-away', folder: '/data', prefix: 'output/' };
  await store.put(objectKey(owner), new TextEncoder().encode(JSON.stringify(theirs)), { metadata: {} });
  appendFileSync(path('f'), ' and more');
  const agent = start('once');
  expect(await agent.exit).toBe(1);
  expect(agent.output()).toContain('the prefix "output/" belongs to agent other on far-away (/data)');
  expect(agent.output()).toContain(`delete the object ${owner}`);
  expect(await contentOf(store, objectKey('output/f'))).toBe('f');
  expect(await keys()).toEqual(['output/f']);
});
