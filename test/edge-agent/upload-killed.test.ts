/** A process that is killed in the middle of a large upload, and the next one that goes on: on a real S3 server. */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, inject, it, onTestFinished } from 'vitest';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createContentHash } from '#adapters/host/content-hash.ts';
import { openIndex } from '#adapters/host/index-db.ts';
import { statOf } from '#adapters/host/tree.ts';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import { objectKey } from '#core/key.ts';
import { fileMetadata } from '#core/metadata.ts';
import { abortAbandoned } from '../../edge-agent/upload-abandoned.ts';
import { uploadFile } from '../../edge-agent/upload-file.ts';
import { runInChild, temporaryFolder } from '../adapters/host/folder.ts';

const MIB = 1024 * 1024;
const PART_BYTES = 5 * MIB;
const KEY = objectKey('out/large');
const PATH = Buffer.from('large');
const PROJECT = join(import.meta.dirname, '../..');

/** Sends as the agent does, and dies when the store has confirmed the third part. */
const DYING = `(async () => {
  const [project, endpoint, bucket, file, indexFile] = process.argv.slice(1);
  const load = (name) => import(project + '/' + name);
  const { createS3Store } = await load('adapters/s3/store.ts');
  const { fixedCredentials } = await load('adapters/s3/credentials.ts');
  const { openIndex } = await load('adapters/host/index-db.ts');
  const { statOf } = await load('adapters/host/tree.ts');
  const { createByteBudget } = await load('adapters/byte-budget.ts');
  const { fileMetadata } = await load('core/metadata.ts');
  const { uploadFile } = await load('edge-agent/upload-file.ts');
  const credentials = fixedCredentials({ accessKeyId: 'test', secretAccessKey: 'test' });
  const store = createS3Store({ bucket, region: 'us-east-1', endpoint, addressing: 'path', credentials, crc32: true });
  const index = openIndex(indexFile);
  let parts = 0;
  const addPart = (...args) => {
    index.addPart(...args);
    index.flush();
    if (++parts === 3) process.kill(process.pid, 'SIGKILL');
  };
  const fd = fs.openSync(file, 'r');
  const state = statOf(fd);
  await uploadFile(
    { store, index: { ...index, addPart }, parts: createByteBudget(${PART_BYTES}), nowMs: () => Date.now() + 60000 },
    {
      folder: 'out', path: Buffer.from('large'), fd, state, key: 'out/large',
      attributes: (md5, partBytes) => ({ metadata: fileMetadata({ ...state, md5, partBytes }) }),
      checkpoint: () => undefined, wholeMd5: false,
    },
    ${PART_BYTES},
  );
})()`;

async function storeOfItsOwn() {
  const bucket = `upload-${randomUUID()}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new S3Client({
    endpoint: inject('endpoint'),
    region: 'us-east-1',
    forcePathStyle: true,
    credentials,
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const store = createS3Store({
    bucket,
    region: 'us-east-1',
    endpoint: inject('endpoint'),
    addressing: 'path',
    credentials: fixedCredentials(credentials),
    crc32: true,
  });
  onTestFinished(() => store.close());
  return store;
}

it('goes on where a killed process stopped, and the object is the file', async () => {
  const store = await storeOfItsOwn();
  const [file, indexFile] = [join(temporaryFolder(), 'large'), join(temporaryFolder(), 'index.db')];
  const content = Buffer.concat([...'abcde', 'rest'].map((text) => Buffer.alloc(PART_BYTES, text))).subarray(
    0,
    -7,
  );
  writeFileSync(file, content);
  await expect(runInChild(DYING, PROJECT, inject('endpoint'), store.bucket, file, indexFile)).rejects.toThrow(
    'child ended with null',
  );
  expect(await store.head(KEY)).toBeUndefined();

  const index = openIndex(indexFile);
  const fd = openSync(file, 'r');
  onTestFinished(() => {
    index.close();
    closeSync(fd);
  });
  expect(index.upload('out', PATH)?.parts).toHaveLength(3);
  const state = statOf(fd);
  const sent = await uploadFile(
    { store, index, parts: createByteBudget(4 * PART_BYTES) },
    {
      folder: 'out',
      path: PATH,
      fd,
      state,
      key: KEY,
      attributes: (md5, partBytes) => ({ metadata: fileMetadata({ ...state, md5: md5 ?? '', partBytes }) }),
      checkpoint: () => undefined,
      wholeMd5: false,
    },
    PART_BYTES,
  );
  expect(sent.sentBytes).toBe(content.length - 3 * PART_BYTES);
  const hash = createContentHash(PART_BYTES);
  hash.update(content);
  expect(sent.etag).toBe(hash.digest());
  const { head, body } = await store.get(KEY);
  expect(head.metadata).toMatchObject({ 'sluice-part-bytes': String(PART_BYTES) });
  expect(Buffer.concat(await Array.fromAsync(body)).equals(content)).toBe(true);
  expect(await Array.fromAsync(store.listUploads(''))).toEqual([]);
});

it('removes from the server what nobody will finish', async () => {
  const store = await storeOfItsOwn();
  const index = openIndex(join(temporaryFolder(), 'index.db'));
  const uploadId = await store.createMultipart(KEY, { metadata: {} });
  await store.uploadPart(KEY, uploadId, 1, Buffer.alloc(PART_BYTES));
  const aborted: string[] = [];
  const abort = (nowMs: number) =>
    abortAbandoned(store, index, 'out', 'out/', {
      olderThanMs: 60_000,
      nowMs,
      stateOf: () => undefined,
      onAborted: (key) => aborted.push(key),
    });
  await abort(Date.now());
  expect(aborted).toEqual([]);
  await abort(Date.now() + 120_000);
  expect(aborted).toEqual([KEY]);
  expect(await Array.fromAsync(store.listUploads(''))).toEqual([]);
  index.close();
});
