import { closeSync, mkdirSync, openSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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

test.runIf(mayUseFanotify())('a name that ends like that of a removed directory is none', async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'd (deleted)'));
  const one = await watched('fanotify', root);
  writeFileSync(join(root, 'd (deleted)/file'), 'x');
  await one.until(() => one.dirty.has('d (deleted)/file'));
  const held = openSync(join(root, 'd (deleted)'), 'r');
});
