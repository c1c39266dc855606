/** What a process that was killed had on its way is known to the next one. Real files and index, a store in memory. */
import { closeSync, copyFileSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import { objectKey } from '#core/key.ts';
import { deleteOurs } from '../../edge-agent/delete-ours.ts';
import { createLeases } from '../../edge-agent/leases.ts';
import { mirrorFile } from '../../edge-agent/mirror-file.ts';
import { deletedSent, recallSending, sentUnconfirmed } from '../../edge-agent/unconfirmed.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import { fileContext } from './file-context.ts';
import { storeSettings } from './store-settings.ts';

const KEY = objectKey('out/a');
const PATH = Buffer.from('a');

/** A folder whose agent can be killed: the next one has what this one has written, and nothing that it knows. */
function killable(deletes = true) {
  const root = temporaryFolder();
  const store = createMemoryStore();
  const settings = storeSettings({
    store: { bucket: 'bucket' },
    folders: [{ name: 'out', path: root, prefix: 'out/', mode: 'mirror', settle: '0s', deletes }],
  });
  const rootFd = openSync(root, 'r');
  const leases = createLeases();
  onTestFinished(() => {
    leases.close();
    closeSync(rootFd);
  });

  function start(file: string) {
    const index = openIndex(file);
    onTestFinished(index.close);
    recallSending(index, settings.folders);
    const context = fileContext({ path: root, fd: rootFd }, { settings, store, index, leases });
    return {
      index,
      context,
      mirror: () =>
        mirrorFile(
          { ...context, adopting: () => undefined, isBeingDeleted: () => false, onGone: () => undefined },
          PATH,
        ),
      row: () => index.get('out', PATH),
      next() {
        const copy = join(temporaryFolder(), 'index.db');
        for (const suffix of ['', '-wal', '.id', '.sending']) {
          if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
        }
        return start(copy);
      },
    };
  }
  return { store, file: join(root, 'a'), agent: start(join(temporaryFolder(), 'index.db')) };
}

/** What it leaves at the moment in which the object is in the store and no row says so. */
async function killedAfterPut({ store, file, agent }: ReturnType<typeof killable>, content: string) {
  agent.index.flush();
  writeFileSync(file, content);
  let next: ReturnType<typeof agent.next> | undefined;
  store.before((op) => {
    if (op === 'put') next ??= agent.next();
  });
  await agent.mirror();
  store.before(() => undefined);
  if (next === undefined) throw new Error('nothing was sent');
  return next;
}

it('deletes the object of a file that went while no agent ran, though no row had ever said that it was sent', async () => {
  const scene = killable();
  const next = await killedAfterPut(scene, 'content');
  rmSync(scene.file);
  const row = next.row();
  expect(row).toMatchObject({ state: 'waiting', etag: '', nextAttemptMs: 0 });
  expect(await deleteOurs(next.context, row ?? { path: PATH, etag: '' }, KEY)).toBe('deleted');
  expect(scene.store.contents(KEY)).toBeUndefined();
});

it('deletes it when the row is of an older object', async () => {
  const scene = killable();
  writeFileSync(scene.file, 'one');
  await scene.agent.mirror();
  const next = await killedAfterPut(scene, 'two, later');
  const row = next.row();
  expect(row).toMatchObject({ state: 'waiting', etag: expect.stringMatching(/./) });
  expect(await deleteOurs(next.context, row ?? { path: PATH, etag: '' }, KEY)).toBe('deleted');
});

it('keeps what somebody else has put there since', async () => {
  const scene = killable();
  const next = await killedAfterPut(scene, 'content');
  await scene.store.put(KEY, Buffer.from('theirs!'), { metadata: {} });
  expect(await deleteOurs(next.context, next.row() ?? { path: PATH, etag: '' }, KEY)).toBe('changed');
  expect(scene.store.contents(KEY)?.toString()).toBe('theirs!');
});

it('asks nothing about what was confirmed and committed, or deleted', async () => {
  const { agent, file } = killable();
  writeFileSync(file, 'one');
  await agent.mirror();
  writeFileSync(file, 'two, later');
  await agent.mirror();
  agent.index.flush();
  const next = agent.next();
  expect(next.row()).toMatchObject({ state: 'synced' });
  expect(sentUnconfirmed(next.context, PATH)).toEqual([]);
  agent.index.remove('out', PATH);
  deletedSent(agent.context, PATH);
  agent.index.flush();
  expect(agent.next().row()).toBeUndefined();
});

it('is told once: what the index knows by then is not read again', async () => {
  const scene = killable();
  const next = await killedAfterPut(scene, 'content');
  const third = next.next();
  expect(third.index.sending.left()).toEqual([]);
  expect(third.row()).toMatchObject({ state: 'waiting' });
  expect(sentUnconfirmed(third.context, PATH)).toHaveLength(1);
  await third.mirror();
  expect(third.row()).toMatchObject({ state: 'synced' });
  expect(sentUnconfirmed(third.context, PATH)).toEqual([]);
});

it('notes nothing where nobody deletes', async () => {
  const { agent, file } = killable(false);
  writeFileSync(file, 'content');
  await agent.mirror();
  expect(existsSync(`${agent.index.file}.sending`)).toBe(false);
});
