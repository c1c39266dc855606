/** What becomes of a copied file when somebody interferes at the worst moment. Real files, a store that is told when to fail. */
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { createDeletions } from '../../edge-agent/deletions.ts';
import { isSent, sentUnconfirmed } from '../../edge-agent/unconfirmed.ts';
import { mirrorSetup } from './mirror-setup.ts';

const path = (name: string) => Buffer.from(name);

/** A file that is in the bucket, and has another name since. */
async function renamed() {
  const setup = mirrorSetup();
  writeFileSync(setup.path('a'), 'content');
  await setup.mirror('a');
  const file = setup.path('b');
  renameSync(setup.path('a'), file);
  return { ...setup, file };
}

it('knows the copy of a file that was touched while it was made', async () => {
  const { store, index, mirror, file } = await renamed();
  store.before((op) => {
    if (op === 'copy') utimesSync(file, 1, 1);
  });
  await expect(mirror('b')).rejects.toMatchObject({ code: 'Changed' });
  expect(index.get('out', path('b'))).toMatchObject({
    state: 'waiting',
    etag: (await store.head(objectKey('out/b')))?.etag,
  });
});

it('notes a copy that was not confirmed, and forgets it with the next that was', async () => {
  const { store, index, context, mirror, row } = await renamed();
  let failing = true;
  store.before((op, key) => {
    if (failing && op === 'head' && store.contents(key) !== undefined)
      throw new SyncError('lost', { op: 'head', retryable: true, code: 'ECONNRESET' });
  });
  await expect(mirror('b')).rejects.toMatchObject({ code: 'ECONNRESET' });
  failing = false;
  const object = await store.head(objectKey('out/b'));
  expect(
    sentUnconfirmed(context, path('b')).some((sent) => object !== undefined && isSent(object, sent)),
  ).toBe(true);
  index.put({ ...row('a'), path: path('b'), etag: '', state: 'waiting' });
  await mirror('b');
  expect(sentUnconfirmed(context, path('b'))).toEqual([]);
});

it('notes a copy of which the store says something else than it has answered', async () => {
  const { store, context, mirror, file } = await renamed();
  store.before((op) => {
    // After the copy: what comes then is another object, and the upload after it never begins.
    if (op === 'head' && store.contents(objectKey('out/b')) !== undefined) {
      void store.put(objectKey('out/b'), Buffer.from('other'), { metadata: {} });
      utimesSync(file, 1, 1);
    }
  });
  await expect(mirror('b')).rejects.toMatchObject({ code: 'Changed' });
  expect(sentUnconfirmed(context, path('b'))).toHaveLength(1);
});

it('knows the object of a file that cannot be looked at any more', async () => {
  const { store, index, mirror, context } = await renamed();
  const { leases } = context;
  const take = (fd: number) => {
    const lease = leases.take(fd);
    if (typeof lease === 'string') return lease;
    return {
      get broken(): boolean {
        if (store.contents(objectKey('out/b')) !== undefined) throw new Error('EIO');
        return lease.broken;
      },
      release: () => lease.release(),
    };
  };
  context.leases = { ...leases, take };
  await expect(mirror('b')).rejects.toThrow('EIO');
  expect(index.get('out', path('b'))).toMatchObject({
    state: 'waiting',
    etag: (await store.head(objectKey('out/b')))?.etag,
  });
});

it('does not take a name that cannot be looked at for one that is there: its delete stays, and is a failure', async () => {
  const { root, store, index, context, mirror } = await renamed();
  const [directory, name] = [join(root, 'd'), 'd/x'];
  mkdirSync(directory);
  writeFileSync(join(root, name), 'other content');
  await mirror(name);
  rmSync(directory, { recursive: true });
  symlinkSync('d', directory);
  const deletions = createDeletions(context, () => undefined, new Set());
  deletions.add(path(name));
  expect(await deletions.flush()).toBe(1);
  expect(deletions.waiting).toBe(1);
  expect(index.get('out', path(name))).toMatchObject({
    state: 'waiting',
    lastError: expect.stringContaining('d/x'),
  });
  rmSync(directory);
  expect(await deletions.flush()).toBe(0);
  expect(store.contents(objectKey(`out/${name}`))).toBeUndefined();
});

it('says why a delete is not carried out when the folder comes into doubt after it was judged', async () => {
  const { root, store, context, mirror, file } = await renamed();
  await mirror('b');
  rmSync(file);
  const warnings: string[] = [];
  const log = { ...context.log, warn: (message: string) => void warnings.push(message) };
  const doubts = [undefined, `${root} cannot be read: EIO`];
  const deletions = createDeletions({ ...context, log }, () => doubts.shift(), new Set());
  deletions.add(path('b'));
  await deletions.flush();
  expect(warnings).toEqual([`no deletes: ${root} cannot be read: EIO`]);
  expect(deletions.waiting).toBe(1);
  expect(deletions.held).toContain('EIO');
  await deletions.flush();
  expect(store.contents(objectKey('out/b'))).toBeUndefined();
});

it('makes no new version of an object because its file has a link more', async () => {
  const { path, store, mirror, row } = mirrorSetup();
  writeFileSync(path('f'), 'content');
  await mirror('f');
  const before = row('f');
  linkSync(path('f'), `${path('f')}~`);
  const calls = store.calls.length;
  expect(await mirror('f')).toEqual({ done: 'unchanged' });
  expect(row('f').ctimeNs).toBeGreaterThan(before.ctimeNs);
  expect(store.calls.slice(calls).filter((call) => !call.startsWith('head'))).toEqual([]);
});

it('uploads a file with a time in the future where there are no leases', async () => {
  const { path, mirror, context } = mirrorSetup({ settle: '100ms' });
  context.leases = { take: () => 'unsupported', close: () => undefined };
  writeFileSync(path('f'), 'content');
  const future = new Date(Date.now() + 3_600_000);
  utimesSync(path('f'), future, future);
  await expect.poll(() => mirror('f')).toEqual({ done: 'uploaded' });
});
