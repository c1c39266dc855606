/** What was swapped out for a download when the file system fails at that one moment: EIO, or no room. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { incomingSetup } from './incoming-setup.ts';

const unseen = vi.hoisted(() => ({ path: '' }));
const full = vi.hoisted(() => ({ now: false }));

vi.mock(import('node:fs'), async (original) => {
  const fs = await original();
  const lstatSync = (...[path, ...rest]: Parameters<typeof fs.lstatSync>) => {
    if (unseen.path === '' || !String(path).startsWith(unseen.path)) return fs.lstatSync(path, ...rest);
    unseen.path = '';
    throw Object.assign(new Error('EIO: i/o error, lstat'), { code: 'EIO', errno: -5, syscall: 'lstat' });
  };
  return { ...fs, lstatSync: lstatSync as typeof fs.lstatSync };
});

vi.mock(import('#adapters/host/libc.ts'), async (original) => {
  const libc = await original();
  return {
    ...libc,
    renameNoReplace(from: Buffer, to: Buffer) {
      if (!full.now) return libc.renameNoReplace(from, to);
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', errno: -28 });
    },
  };
});

afterEach(() => {
  full.now = false;
});

/** A file that was received before is about to be replaced. */
async function received() {
  const setup = incomingSetup();
  writeFileSync(join(setup.root, 'f'), 'ours, or not');
  return { ...setup, file: await setup.finished('new') };
}

it('keeps what had the name, and may be anybody’s by now, when it cannot be looked at', async () => {
  const { file, place, aside, read } = await received();
  await place(file, () => {
    unseen.path = String(file.path);
    return true;
  });
  expect([read('f'), read('f.sluice-conflict-1')]).toEqual(['new', 'ours, or not']);
  expect(aside).toEqual(['f.sluice-conflict-1']);
});

it('leaves the name to what somebody has put there at the last moment when it cannot be moved aside', async () => {
  const { root, temporary, file, place, read } = await received();
  writeFileSync(join(root, 'tmp'), 'of the user');
  const placed = place(file, () => {
    renameSync(join(root, 'tmp'), join(root, 'f'));
    full.now = true;
    return true;
  });
  await expect(placed).rejects.toMatchObject({ code: 'ENOSPC' });
  file.release();
  expect(temporary()).toEqual([]);
  expect(read('f')).toBe('of the user');
});
