import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { contentOf } from '../contracts/object-store.ts';
import { agentUnderTest, agentYaml } from './agent-process.ts';

const visible = (folder: string) => readdirSync(folder).filter((name) => name !== '.sluice');

it('uploads a file when its writer has closed it, once and whole, and removes it with its emptied directories', async () => {
  const { folder, store, start } = await agentUnderTest();
  const agent = start('run');
  await agent.says('watching');
  mkdirSync(join(folder, 'a/b'), { recursive: true });
  const writer = createWriteStream(join(folder, 'a/b/slow.txt'));
  for (const chunk of ['one ', 'two ', 'three']) {
    writer.write(chunk);
    await agent.says('not yet: is open for writing');
    expect(await store.head(objectKey('output/a/b/slow.txt'))).toBeUndefined();
  }
  writer.end();
  await once(writer, 'close');
  await agent.says('removed directory output/a/');
  expect(await contentOf(store, objectKey('output/a/b/slow.txt'))).toBe('one two three');
  expect(agent.output().match(/uploaded output\/a\/b\/slow.txt/g)).toHaveLength(1);
  expect(visible(folder)).toEqual([]);
  agent.process.kill('SIGTERM');
  expect(await agent.exit).toBe(0);
});

it('moves 1,000 files that appear at once in new nested directories', async () => {
  const { folder, store, start } = await agentUnderTest();
  const agent = start('run');
  await agent.says('watching');
  execFileSync(
    'sh',
    [
      '-c',
      'for d in $(seq 20); do mkdir -p $d/x/y; for f in $(seq 50); do echo $d-$f > $d/x/y/$f; done; done',
    ],
    {
      cwd: folder,
    },
  );
  await expect.poll(() => visible(folder), { timeout: 50_000 }).toEqual([]);
  const listed = await Array.fromAsync(store.list('output/'));
  expect(listed).toHaveLength(1000);
  expect(await contentOf(store, objectKey('output/7/x/y/9'))).toBe('7-9\n');
});

it('sends a file larger than a part in parts, with its metadata', async () => {
  const { folder, store, start } = await agentUnderTest();
  const content = Buffer.alloc(40 * 1024 * 1024, 'large');
  writeFileSync(join(folder, 'large.bin'), content);
  expect(await start('once').exit).toBe(0);
  const head = await store.head(objectKey('output/large.bin'));
  expect(head).toMatchObject({ sizeBytes: content.length, metadata: { mode: '644', uid: '0' } });
  expect(head?.etag).toMatch(/-5$/);
  expect(visible(folder)).toEqual([]);
});

it('moves what was there before it started, and everything else when some of it cannot be', async () => {
  const { folder, store, start } = await agentUnderTest();
  writeFileSync(join(folder, 'good'), 'good');
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x62, 0xff])]), 'not UTF-8');
  symlinkSync('/etc/hostname', join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const deep = Array.from({ length: 6 }, () => 'd'.repeat(200)).join('/');
  mkdirSync(join(folder, deep), { recursive: true });
  writeFileSync(join(folder, deep, 'f'), 'too long');
  const agent = start('once');
  expect(await agent.exit).toBe(1);
  const said = agent.output();
  expect(said).toContain('skipped: b\\xff: the file name is not UTF-8');
  expect(said).toMatch(/skipped: is a symlink, not a file key=output\/link/);
  expect(said).toMatch(/skipped: is a fifo, not a file key=output\/pipe/);
  expect(said).toMatch(/has 1214 bytes; S3 allows 1024/);
  expect(visible(folder)).toHaveLength(4);
  expect(existsSync(join(folder, deep, 'f'))).toBe(true);
  expect(await contentOf(store, objectKey('output/good'))).toBe('good');
  expect(await contentOf(store, objectKey('output/empty'))).toBe('');

  const status = start('status', '--json');
  await status.exit;
  const { folders } = JSON.parse(status.output());
  expect(folders[0]).toMatchObject({ waiting: 0, parked: 4 });
});

it('names a file that it may not read, keeps it, and moves the rest', async () => {
  // Root may read everything, unless it gives that up.
  const dropped = '-dac_override,-dac_read_search';
  const asRoot = process.getuid?.() === 0;
  const wrapper = asRoot ? ['setpriv', `--inh-caps=${dropped}`, `--bounding-set=${dropped}`] : [];
  const { folder, store, start } = await agentUnderTest({ wrapper });
  writeFileSync(join(folder, 'readable'), 'fine');
  writeFileSync(join(folder, 'secret'), 'theirs');
  chmodSync(join(folder, 'secret'), 0);
  const agent = start('once');
  expect(await agent.exit).toBe(1);
  expect(agent.output()).toMatch(/secret: EACCES.*hint=Give the agent permission/);
  expect(visible(folder)).toEqual(['secret']);
  expect(await contentOf(store, objectKey('output/readable'))).toBe('fine');
});

it('killed in the middle and started again, moves everything and leaves nothing behind', async () => {
  const { folder, store, start } = await agentUnderTest();
  for (let index = 0; index < 300; index++) writeFileSync(join(folder, `f${index}`), `content ${index}`);
  const first = start('run');
  await first.says('removed output/');
  first.process.kill('SIGKILL');
  await first.exit;
  expect(visible(folder).length).toBeGreaterThan(0);
  const second = start('run');
  await expect.poll(() => visible(folder), { timeout: 50_000 }).toEqual([]);
  second.process.kill('SIGTERM');
  expect(await second.exit).toBe(0);
  expect(await Array.fromAsync(store.list('output/'))).toHaveLength(300);
  expect(await contentOf(store, objectKey('output/f123'))).toBe('content 123');
  expect(
    readdirSync(join(folder, '.sluice'), { recursive: true }).filter(
      (name) => !['folder-id', 'lock', 'trash'].includes(String(name)),
    ),
  ).toEqual([]);
});

it('keeps files and tries again while the store is away, and says why', async () => {
  const { folder, start } = await agentUnderTest({ bucket: 'b', endpoint: 'http://127.0.0.1:9' });
  writeFileSync(join(folder, 'f'), 'kept');
  const agent = start('run');
  await agent.says('cannot be reached');
  await agent.says('is the store running');
  await agent.says('attempts=1');
  agent.process.kill('SIGINT');
  expect(await agent.exit).toBe(0);
  expect(readFileSync(join(folder, 'f'), 'utf8')).toBe('kept');
  const status = start('status');
  expect(await status.exit).toBe(0);
  expect(status.output()).toMatch(/1 waiting, 0 parked\n {2}waiting {2}f tried \dx/);
});

it('keeps files when the bucket is missing, and names it', async () => {
  const { folder, start } = await agentUnderTest({ bucket: 'no-such-bucket-here' });
  writeFileSync(join(folder, 'f'), 'kept');
  const agent = start('once');
  expect(await agent.exit).toBe(1);
  expect(agent.output()).toContain('NoSuchBucket');
  expect(visible(folder)).toEqual(['f']);
});

it('refuses a second agent on the same folder', async () => {
  const { start } = await agentUnderTest();
  const first = start('run');
  await first.says('watching');
  const second = start('run');
  expect(await second.exit).toBe(1);
  expect(second.output()).toMatch(/another agent/i);
});

it('reports wrong settings all at once with exit code 2, and touches nothing', async () => {
  const { config, start } = await agentUnderTest();
  writeFileSync(config, 'store: {}\nfolders: []\nrescann: 5m\n');
  const agent = start('run');
  expect(await agent.exit).toBe(2);
  expect(agent.output()).toContain('store.bucket: found nothing');
  expect(agent.output()).toContain('folders: found [], expected at least one folder');
  expect(agent.output()).toContain('rescann: found an unknown setting, expected rescan (did you mean that?)');
});

it('checks what it depends on', async () => {
  const { start } = await agentUnderTest();
  const good = start('check');
  expect(await good.exit).toBe(0);
  expect(good.output()).toContain('ok    leases in output: supported');
  const broken = (await agentUnderTest({ bucket: 'no-such-bucket-here' })).start('check');
  expect(await broken.exit).toBe(1);
  expect(broken.output()).toMatch(/FAIL {2}store .*NoSuchBucket[^\n]*\n {6}Create the bucket/);
});

it('goes on with the other folders when one cannot be used, says why, and takes it once it can', async () => {
  const { base, folder, store, start } = await agentUnderTest({
    config: (place) => {
      const other = join(place.base, 'other');
      const folders = [
        { name: 'other', path: other, prefix: 'other/' },
        { name: 'output', path: place.folder, prefix: 'output/' },
      ];
      return agentYaml(place, {}, { folders });
    },
  });
  const hidden = join(base, 'other/.sluice');
  mkdirSync(join(base, 'other'));
  writeFileSync(hidden, 'in the place of the directory');
  writeFileSync(join(base, 'other/b'), 'b');
  writeFileSync(join(folder, 'a'), 'a');
  const agent = start('run');
  await agent.says(`folder other: ${join(base, 'other')} cannot be used: `);
  await agent.says('removed output/a');
  rmSync(hidden);
  await agent.says('removed other/b');
  expect(await contentOf(store, objectKey('other/b'))).toBe('b');
});
