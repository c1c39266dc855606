/** Which deletes of a `mirror` folder are carried out, and which wait. Real files, a store that is told when to fail. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { statOf } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { acceptFolder, claimFolder } from '../../edge-agent/folder-claim.ts';
import { createFolderRunner } from '../../edge-agent/folder-runner.ts';
import { openFolder } from '../../edge-agent/open-folder.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { startMounted } from '../adapters/host/mounted.ts';
import { mirrorSetup } from './mirror-setup.ts';
import { receiveSetup } from './receive-setup.ts';

const ROOT = join(import.meta.dirname, '../..');
const OTHER_DEVICE = 7n;
const HELD = {
  state: 'held',
  lastError: expect.stringContaining('nobody has removed them'),
};

/** Files that are in the bucket. */
async function mirrored(names: readonly string[], folder: Record<string, unknown> = {}) {
  const setup = mirrorSetup(folder);
  for (const name of names) {
    mkdirSync(dirname(setup.path(name)), { recursive: true });
    writeFileSync(setup.path(name), name);
    await setup.mirror(name);
  }
  const inBucket = (name: string) => setup.store.contents(objectKey(`out/${name}`)) !== undefined;
  /** With the directory that it alone is in. */
  const remove = (name: string) => {
    rmSync(setup.path(name.split('/')[0] ?? ''), { recursive: true });
    return setup.mirror(name);
  };
  return { ...setup, inBucket, remove };
}

it('counts no delete that failed as one that was done', async () => {
  const names = ['a', 'b'];
  const { store, deletions, remove, inBucket } = await mirrored(names, { guard: { count: names.length } });
  for (const name of names) await remove(name);
  let down = true;
  store.before((op) => {
    if (down && op === 'delete') throw new SyncError('reset', { op, retryable: true, code: 'ECONNRESET' });
  });
  expect(await deletions.flush()).toBe(names.length);
  down = false;
  expect(await deletions.flush()).toBe(0);
  expect([deletions.held, deletions.waiting]).toEqual(['', 0]);
  expect(names.map(inBucket)).toEqual([false, false]);
});

it('puts no object where one is being deleted: a file that came back has its own afterwards', async () => {
  const { store, deletions, remove, inBucket, path, mirror } = await mirrored(['f']);
  await remove('f');
  const meanwhile: unknown[] = [];
  store.before(async (op) => {
    if (op !== 'delete') return;
    writeFileSync(path('f'), 'f');
    meanwhile.push(await mirror('f'));
  });
  expect(await deletions.flush()).toBe(0);
  expect(meanwhile).toMatchObject([{ later: expect.stringContaining('being deleted') }]);
  await mirror('f');
  expect(inBucket('f')).toBe(true);
});

it.each(['f', 'd/f'])(
  'keeps the object of a new file %s whose name a power cut took, until it is approved',
  async (name) => {
    const { root, index, deletions, row, remove, inBucket, powerCut } = await mirrored([name]);
    await remove(name);
    // The directory's times went back with the name: they are from before the file.
    const { ctimeNs } = statOf(Buffer.from(root));
    index.put({ ...row(name), ctimeNs: ctimeNs + 1n });
    powerCut();
    await deletions.flush();
    expect(row(name)).toMatchObject(HELD);
    expect(deletions.held).toBe(row(name).lastError);
    expect(inBucket(name)).toBe(true);
    deletions.approve();
    await deletions.flush();
    expect([deletions.held, inBucket(name)]).toEqual(['', false]);
  },
);

it('deletes the object of a file that became a symlink while nobody watched', async () => {
  const { context, index, path, inBucket } = receiveSetup({ mode: 'mirror' });
  context.onCompared = () => index.completed();
  const pass = async () => {
    const runner = createFolderRunner(context, openFolder);
    onTestFinished(() => runner.stop());
    await runner.once();
    await runner.stop();
  };
  for (const name of ['f', 'g']) writeFileSync(path(name), name);
  await pass();
  expect(['f', 'g'].map(inBucket)).toEqual([true, true]);
  rmSync(path('f'));
  symlinkSync('g', path('f'));
  await pass();
  expect(['f', 'g'].map(inBucket)).toEqual([false, true]);
});

it('deletes what somebody has removed before a power cut', async () => {
  const { deletions, remove, inBucket, powerCut } = await mirrored(['f']);
  await remove('f');
  powerCut();
  await deletions.flush();
  expect(inBucket('f')).toBe(false);
});

it('holds what was on another file system, and deletes what was removed beside it', async () => {
  const { index, deletions, row, remove, inBucket } = await mirrored(['away/f', 'g']);
  await remove('away/f');
  await remove('g');
  index.put({ ...row('away/f'), dev: OTHER_DEVICE });
  await deletions.flush();
  expect(row('away/f')).toMatchObject(HELD);
  expect(['away/f', 'g'].map(inBucket)).toEqual([true, false]);
});

it('deletes what was removed from the folder when its file system had another number', async () => {
  const { index, deletions, devices, row, remove, inBucket } = await mirrored(['f']);
  await remove('f');
  index.put({ ...row('f'), dev: OTHER_DEVICE });
  devices.add(OTHER_DEVICE);
  await deletions.flush();
  expect(inBucket('f')).toBe(false);
});

it('knows at each claim what the file system of a folder was called before, until another is accepted', () => {
  const { context, index, root } = receiveSetup();
  const { dev } = statOf(Buffer.from(root));
  const claimed = () => {
    const { devices, release } = claimFolder(context.folder, index);
    release();
    return [...devices];
  };
  expect(claimed()).toEqual([dev]);
  index.setNote('folder-devices/in', String(OTHER_DEVICE));
  expect(claimed()).toEqual([OTHER_DEVICE, dev]);
  expect(claimed()).toEqual([OTHER_DEVICE, dev]);
  acceptFolder(context.folder, index);
  expect(claimed()).toEqual([dev]);
});

/** Two files on a disk of their own within the folder, and one beside it; then the disk is not there. */
const SCRIPT = `
  const [root, directory] = process.argv.slice(1);
  const { execFileSync } = await import('node:child_process');
  const { openSync, rmSync, symlinkSync, statSync, writeFileSync } = await import('node:fs');
  const { openIndex } = await import(root + '/adapters/host/index-db.ts');
  const { createDeletions } = await import(root + '/edge-agent/deletions.ts');
  const { createLeases } = await import(root + '/edge-agent/leases.ts');
  const { mirrorFile } = await import(root + '/edge-agent/mirror-file.ts');
  const { createMemoryStore } = await import(root + '/test/doubles/store-memory.ts');
  const { fileContext } = await import(root + '/test/edge-agent/file-context.ts');
  const { storeSettings } = await import(root + '/test/edge-agent/store-settings.ts');

  const folder = directory + '/out';
  const settings = storeSettings({
    store: { bucket: 'bucket' },
    folders: [{ name: 'out', path: folder, prefix: 'out/', mode: 'mirror', settle: '0s' }],
  });
  const [index, store, leases] = [openIndex(directory + '/index.db'), createMemoryStore(), createLeases()];
  const context = {
    ...fileContext({ path: folder, fd: openSync(folder, 'r') }, { settings, store, index, leases }),
    adopting: () => undefined, isBeingDeleted: () => false,
    onGone: (path) => deletions.add(path),
  };
  const devices = new Set([statSync(folder, { bigint: true }).dev]);
  const deletions = createDeletions(context, () => undefined, devices);
  const names = ['disk/f', 'disk/g', 'h'];
  const mirror = async () => {
    for (const name of names) await mirrorFile(context, Buffer.from(name));
  };
  for (const name of names) writeFileSync(folder + '/' + name, name);
  await mirror();
  execFileSync('umount', [folder + '/disk']);
  rmSync(folder + '/h');
  await mirror();
  await deletions.flush();
  const left = await Array.fromAsync(store.list(''), ({ key }) => key);
  console.log(JSON.stringify({ left, held: deletions.held }));
  leases.close();
  index.close();
`;

it('holds the files of a disk within the folder while it is not mounted', async () => {
  const directory = temporaryFolder();
  const disk = join(directory, 'out/disk');
  mkdirSync(disk, { recursive: true });
  const { left, held } = JSON.parse(await startMounted(disk, '1m', SCRIPT, ROOT, directory).line());
  expect(left).toEqual(['out/disk/f', 'out/disk/g']);
  expect(held).toEqual(HELD.lastError);
});
