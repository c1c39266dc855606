import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eachFanotifyEvent, FAN } from '#adapters/host/fanotify.ts';
import { temporaryFolder } from './folder.ts';
import { mayUseFanotify, watched } from './watched.ts';
import { startWatcher } from './watcher-process.ts';

test('a record that names no directory, such as that of an overflow, has no handle and no name', () => {
  const overflow = Buffer.alloc(24);
  overflow.writeUInt32LE(24, 0);
  overflow.writeUInt32LE(FAN.overflow, 8);
  const seen: [number, number, string][] = [];
  eachFanotifyEvent(Buffer.concat([overflow, overflow]), 48, (mask, handle, name) => {
    seen.push([mask, handle.length, name.toString()]);
  });
  expect(seen).toEqual([
    [FAN.overflow, 0, ''],
    [FAN.overflow, 0, ''],
  ]);
});

test('without its capabilities fanotify is refused, and the refusal names them', async () => {
  // A namespace gives all capabilities, but only over itself.
  const started = startWatcher('fanotify', temporaryFolder(), 'true', '-Ur');
  await expect(started).rejects.toThrow(/CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH/);
});

test.runIf(mayUseFanotify())(
  'a removed directory that somebody holds open is not mistaken for one of its name',
  async () => {
    const root = temporaryFolder();
    mkdirSync(join(root, 'd (deleted)'));
    const one = await watched('fanotify', root);
    writeFileSync(join(root, 'd (deleted)/file'), 'x');
    await one.until(() => one.dirty.has('d (deleted)/file'));
    mkdirSync(join(root, 'd'));
    const held = openSync(join(root, 'd'), 'r');
    onTestFinished(() => closeSync(held));
    writeFileSync(join(root, 'd/late'), 'x');
    rmSync(join(root, 'd'), { recursive: true });
    writeFileSync(join(root, 'last'), 'x');
    await one.until(() => one.dirty.has('last'));
    expect([...one.dirty]).toEqual(['d (deleted)/file', 'last']);
  },
);

test.runIf(mayUseFanotify())('what happens elsewhere on the filesystem is not told', async () => {
  const root = temporaryFolder();
  const outside = temporaryFolder();
  // A name that begins like the folder's is none of its own.
  const beside = `${root}-beside`;
  mkdirSync(beside);
  onTestFinished(() => rmSync(beside, { recursive: true }));
  const one = await watched('fanotify', root);
  for (const directory of [outside, beside]) {
    mkdirSync(join(directory, 'd'));
    writeFileSync(join(directory, 'd/file'), 'x');
    rmSync(join(directory, 'd'), { recursive: true });
  }
  writeFileSync(join(root, 'last'), 'x');
  await one.until(() => one.dirty.has('last'));
  expect([[...one.dirty], [...one.gone], one.rescans]).toEqual([['last'], [], []]);
});

test.runIf(mayUseFanotify())(
  'a filesystem without usable handles is refused as folder, and polled inside of one',
  async () => {
    const root = temporaryFolder();
    mkdirSync(join(root, 'ram'));
    const mount = `mount -t ramfs none ${root}/ram`;
    await expect(startWatcher('fanotify', join(root, 'ram'), mount)).rejects.toThrow(/ENOTSUP.*file handles/);
    const auto = await startWatcher('auto', join(root, 'ram'), mount, '-m');
    expect(auto.told).toEqual([['watching', 'inotify', '1']]);
    const child = await startWatcher('fanotify', root, mount);
    expect(child.told[0]).toEqual(['problem', expect.stringContaining('polled')]);
    await child.run(`mkdir ${root}/ram/d && echo x > ${root}/ram/d/file && echo x > ${root}/file`);
    await child.until(['dirty', 'ram/d/file']);
    await child.until(['dirty', 'file']);
    await child.run(`rm -r ${root}/ram/d`);
    await child.until(['gone', 'ram/d']);
  },
);
