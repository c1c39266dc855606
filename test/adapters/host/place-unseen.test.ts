/** What was swapped out for a download and cannot be looked at then: the file system says EIO at that one moment. */
import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createIncoming } from '#adapters/host/incoming.ts';
import { placeFile } from '#adapters/host/place.ts';
import { temporaryFolder } from './folder.ts';

const unseen = vi.hoisted(() => ({ path: '' }));

vi.mock(import('node:fs'), async (original) => {
  const fs = await original();
  const lstatSync = (...[path, ...rest]: Parameters<typeof fs.lstatSync>) => {
    if (String(path) !== unseen.path) return fs.lstatSync(path, ...rest);
    unseen.path = '';
    throw Object.assign(new Error('EIO: i/o error, lstat'), { code: 'EIO', errno: -5, syscall: 'lstat' });
  };
  return { ...fs, lstatSync: lstatSync as typeof fs.lstatSync };
});

it('keeps what had the name, and may be anybody’s by now, when it cannot be looked at', async () => {
  const root = temporaryFolder();
  const incoming = createIncoming(Buffer.from(root));
  onTestFinished(incoming.close);
  writeFileSync(join(root, 'f'), 'ours, or not');
  const file = incoming.begin('f');
  onTestFinished(() => file.release());
  await file.write(Buffer.from('new'));
  await file.finish({ mode: 0o644 });
  const aside: string[] = [];
  const directory = await incoming.directory(Buffer.alloc(0));
  await placeFile(directory, Buffer.from('f'), file, {
    isOurs() {
      unseen.path = String(file.path);
      return true;
    },
    hold: () => 'unsupported',
    movedAside: (name) => void aside.push(String(name)),
    sync: incoming.sync,
  });
  closeSync(directory.fd);
  const read = (name: string) => readFileSync(join(root, name), 'utf8');
  expect([read('f'), read('f.sluice-conflict-1')]).toEqual(['new', 'ours, or not']);
  expect(aside).toEqual(['f.sluice-conflict-1']);
});
