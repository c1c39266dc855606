/** Which objects of files that are gone are deleted, in front of a store whose answers are changed on their way. */
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectHead, ObjectStore } from '#core/ports.ts';
import { deleteOurs } from '../../edge-agent/delete-ours.ts';
import { notingSent, type Sent } from '../../edge-agent/unconfirmed.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { createMemoryStore, type MemoryStore } from '../doubles/store-memory.ts';
import { storeSettings } from './store-settings.ts';

const KEY = objectKey('out/f');
const PATH = Buffer.from('f');
const WRONG = '0'.repeat(32);
const METADATA = { mtime: '1700000000.123456789' };
const lost = new SyncError('lost', { op: 'put', retryable: true, code: 'ECONNRESET' });

/** An object that we have sent; `etag`: as the index knows it. */
async function sent() {
  const store = createMemoryStore();
  const { etag } = await store.put(KEY, Buffer.from('content'), { metadata: METADATA });
  const index = openIndex(join(temporaryFolder(), 'index.db'));
  onTestFinished(() => index.close());
  const { folders } = storeSettings({
    store: { bucket: 'bucket' },
    folders: [{ name: 'out', path: temporaryFolder(), prefix: 'out/', mode: 'mirror' }],
  });
  const [folder] = folders;
  if (folder === undefined) throw new Error('no folder');
  const noting = { folder, index };
  const remove = (known: string, through: ObjectStore = store) =>
    deleteOurs({ ...noting, store: through }, { path: PATH, etag: known }, KEY);
  /** The reply is lost, so the index has no ETag but a note. */
  async function unheard() {
    const work = (sending: (sent: Sent) => void) => {
      sending({ sizeBytes: 7, metadata: METADATA });
      return Promise.reject(lost);
    };
    await expect(notingSent(noting, PATH, work, () => undefined)).rejects.toBe(lost);
  }
  return { store, etag, remove, unheard };
}

/** As an S3 store without conditional deletes: what HEAD says decides. */
function lying(store: MemoryStore, lie: (object: ObjectHead) => ObjectHead): ObjectStore {
  const head: ObjectStore['head'] = async (key) => {
    const object = await store.head(key);
    return object === undefined ? undefined : lie(object);
  };
  return {
    ...store,
    head,
    async delete(key, { ifMatch } = {}) {
      const object = await head(key);
      if (object !== undefined && ifMatch !== undefined && object.etag !== ifMatch) return 'changed';
      return store.delete(key);
    },
  };
}

const wrongEtag = (object: ObjectHead): ObjectHead => ({ ...object, etag: WRONG, md5: WRONG });

it('deletes what the index knows, and finds nothing to delete where nothing is', async () => {
  const { store, etag, remove } = await sent();
  expect(await remove(etag)).toBe('deleted');
  expect(store.contents(KEY)).toBeUndefined();
  expect(await remove(etag)).toBe('deleted');
});

it('keeps what somebody else has put in its place, though it begins the names of others', async () => {
  const { store, etag, remove } = await sent();
  await store.put(KEY, Buffer.from('another'), { metadata: {} });
  await store.put(objectKey('out/f1'), Buffer.from('beside it'), { metadata: {} });
  expect(await remove(etag)).toBe('changed');
  expect(String(store.contents(KEY))).toBe('another');
});

it('does not believe a wrong ETag of HEAD that the object is somebody else’s', async () => {
  const { store, etag, remove } = await sent();
  await expect(remove(etag, lying(store, wrongEtag))).rejects.toMatchObject({
    code: 'Contradiction',
    retryable: true,
  });
  expect(await remove(etag)).toBe('deleted');
});

it.each([
  ['ETag', wrongEtag],
  ['size', (object: ObjectHead) => ({ ...object, sizeBytes: 1 })],
])('does not believe a wrong %s of HEAD of what was sent and never confirmed', async (_what, lie) => {
  const { store, remove, unheard } = await sent();
  await unheard();
  await expect(remove('', lying(store, lie))).rejects.toMatchObject({ code: 'Contradiction' });
  expect(store.contents(KEY)).toBeDefined();
  expect(await remove('')).toBe('deleted');
  expect(store.contents(KEY)).toBeUndefined();
});

it('deletes what HEAD was wrong about only once', async () => {
  const { store, etag, remove } = await sent();
  let lies = 1;
  expect(
    await remove(
      etag,
      lying(store, (object) => (lies-- > 0 ? wrongEtag(object) : object)),
    ),
  ).toBe('deleted');
  expect(store.contents(KEY)).toBeUndefined();
});

it('does not say deleted when the object changes between the looks and the delete', async () => {
  const { store, etag, remove } = await sent();
  let looks = 0;
  const busy = lying(store, (object) => (++looks === 2 ? object : wrongEtag(object)));
  await expect(remove(etag, busy)).rejects.toMatchObject({ code: 'Contradiction' });
  expect(store.contents(KEY)).toBeDefined();
});

it('takes no other object whose key begins with the same for one that somebody has removed', async () => {
  const { store, remove, unheard } = await sent();
  await unheard();
  await store.delete(KEY);
  await store.put(objectKey('out/f1'), Buffer.from('beside it'), { metadata: {} });
  expect(await remove('')).toBe('deleted');
  expect(String(store.contents(objectKey('out/f1')))).toBe('beside it');
});
