/** What reaches the store of one file, and what is refused. */
import { createHash } from 'node:crypto';
import { appendFileSync, ftruncateSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createContentHash } from '#adapters/host/content-hash.ts';
import { statOf } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { MAX_PART_BYTES, MAX_PARTS, partSizeBytes, rangesOf } from '#core/parts.ts';
import type { ObjectStore } from '#core/ports.ts';
import { uploadFile } from '../../edge-agent/upload-file.ts';
import { KEY, lettered, MIB, PATH, type UploadOptions, uploadSetup } from './upload-setup.ts';

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');

function compositeOf(content: Buffer, partBytes: number): string {
  const hash = createContentHash(partBytes);
  hash.update(content);
  return hash.digest();
}

it.each([0, 1, MIB - 1, MIB])('sends %i bytes whole, with their MD5', async (sizeBytes) => {
  const content = Buffer.alloc(sizeBytes, 'x');
  const { memory, upload } = uploadSetup(content);
  const expected = { md5: md5(content), etag: md5(content), partBytes: 0, sentBytes: sizeBytes };
  expect(await upload()).toEqual(expected);
  expect(memory.contents(KEY)?.equals(content)).toBe(true);
  expect((await memory.head(KEY))?.metadata).toMatchObject({ 'sluice-md5': md5(content) });
  expect(memory.calls.filter((call) => !call.startsWith('head'))).toEqual([`put ${KEY}`]);
});

it('sends more in parts, read once, and the ETag is the evidence', async () => {
  const content = Buffer.concat([lettered('abcde'), Buffer.from('rest')]);
  const { memory, upload, index } = uploadSetup(content);
  const sent = await upload();
  expect(sent).toEqual({
    md5: '',
    etag: compositeOf(content, MIB),
    partBytes: MIB,
    sentBytes: content.length,
  });
  const { metadata } = (await memory.head(KEY)) ?? {};
  expect(metadata).toEqual({ mtime: expect.any(String), 'sluice-part-bytes': String(MIB) });
  expect(memory.contents(KEY)?.equals(content)).toBe(true);
  expect(index.uploads('out')).toEqual([]);
});

it('sends a sparse file as the zeros it has', async () => {
  const { file, memory, upload } = uploadSetup(Buffer.from('start'));
  const fd = openSync(file, 'r+');
  ftruncateSync(fd, 3 * MIB + 5);
  await upload();
  const expected = Buffer.alloc(3 * MIB + 5);
  expected.write('start');
  expect(memory.contents(KEY)?.equals(expected)).toBe(true);
});

it('lets the MD5 of the whole travel where ETags say nothing of the content', async () => {
  const content = lettered('abc');
  const { memory, upload } = uploadSetup(content);
  const store: ObjectStore = {
    ...memory,
    completeMultipart: async (...args) => ({
      ...(await memory.completeMultipart(...args)),
      etag: `${'f'.repeat(32)}-3`,
    }),
  };
  expect(await upload({ store, wholeMd5: true })).toMatchObject({ md5: md5(content), partBytes: MIB });
  expect((await memory.head(KEY))?.metadata).toMatchObject({ 'sluice-md5': md5(content) });
});

it('does not take other bytes than were hashed before', async () => {
  const { file, memory, upload, index } = uploadSetup(lettered('abc'));
  memory.before((op) => {
    if (op === 'createMultipart') writeFileSync(file, lettered('abX'));
  });
  await expect(upload({ wholeMd5: true })).rejects.toMatchObject({ code: 'Changed' });
  expect(memory.openUploads()).toBe(0);
  expect(index.uploads('out')).toEqual([]);
});

it('sends exactly the bytes the file had, though it grows, and none when it shrinks', async () => {
  const content = lettered('abc');
  const { file, memory, upload } = uploadSetup(content);
  memory.before((op) => {
    if (op === 'createMultipart') appendFileSync(file, 'more');
  });
  await upload();
  expect(memory.contents(KEY)?.equals(content)).toBe(true);

  const shrinking = uploadSetup(content);
  shrinking.memory.before((op) => {
    if (op === 'createMultipart') truncateSync(shrinking.file, 2 * MIB);
  });
  await expect(shrinking.upload()).rejects.toMatchObject({ code: 'Changed', retryable: true });
  expect(shrinking.memory.contents(KEY)).toBeUndefined();
  expect(shrinking.memory.openUploads()).toBe(0);
});

it('is told by the checkpoint before every part, and removes what it sent when the file changed', async () => {
  const { memory, upload, index, sentParts } = uploadSetup(lettered('abcdefgh'));
  const checkpoint = () => {
    if (sentParts() < 3) return;
    throw new SyncError('somebody writes', { op: 'upload', retryable: true, code: 'Changed' });
  };
  await expect(upload({ checkpoint })).rejects.toMatchObject({ code: 'Changed' });
  expect(sentParts()).toBeLessThan(8);
  expect(memory.openUploads()).toBe(0);
  expect(index.uploads('out')).toEqual([]);
});

it('says so when neither the file nor its parts can be helped', async () => {
  const { memory, upload, index, failAfter } = uploadSetup(lettered('abc'));
  const refusal = () => new SyncError('denied', { op: 'abort', retryable: false, code: 'AccessDenied' });
  failAfter('abortMultipart', 0, refusal);
  const checkpoint = () => {
    if (memory.openUploads() === 0) return;
    throw new SyncError('somebody writes', { op: 'upload', retryable: true, code: 'Changed' });
  };
  await expect(upload({ checkpoint })).rejects.toMatchObject({
    code: 'Changed',
    message: expect.stringMatching(/somebody writes.*could not be removed: denied/),
  });
  // Known to the index still, so that it is removed later.
  expect(index.uploads('out')).toHaveLength(1);
});

it('refuses an object that the store joined of other parts', async () => {
  const { memory, upload, index } = uploadSetup(lettered('abc'));
  const store: ObjectStore = {
    ...memory,
    completeMultipart: (key, uploadId, parts) => memory.completeMultipart(key, uploadId, parts.slice(1)),
  };
  await expect(upload({ store })).rejects.toMatchObject({ code: 'ChecksumMismatch', retryable: true });
  expect(index.uploads('out')).toEqual([]);
  await upload();
  expect(memory.contents(KEY)?.equals(lettered('abc'))).toBe(true);
});

it.each<[string, UploadOptions]>([
  ['whole', { partBytes: 16 * MIB }],
  ['in parts', { partBytes: MIB }],
])('creates %s only when absent if asked, and leaves nothing behind', async (_name, options) => {
  const { memory, upload } = uploadSetup(lettered('abc'));
  await memory.put(KEY, Buffer.from('theirs'), { metadata: {} });
  const refused = upload({ ...options, ifAbsent: true });
  await expect(refused).rejects.toMatchObject({ code: 'PreconditionFailed', retryable: false });
  expect(String(memory.contents(KEY))).toBe('theirs');
  expect(memory.openUploads()).toBe(0);
});

it('shares one budget among all files: parts run side by side, and never more than fit', async () => {
  const setup = uploadSetup(lettered('abcdefgh'));
  const { memory, index, file } = setup;
  const budget = createByteBudget(3 * MIB);
  let running = 0;
  let most = 0;
  const three = Promise.withResolvers<void>();
  const store: ObjectStore = {
    ...memory,
    async uploadPart(...args) {
      most = Math.max(most, ++running);
      // Nobody is through before as many as fit have come.
      if (running === 3) three.resolve();
      await three.promise;
      running--;
      return memory.uploadPart(...args);
    },
  };
  const fd = openSync(file, 'r');
  const state = statOf(fd);
  const uploads = ['a', 'b', 'c'].map((name) =>
    uploadFile(
      { store, index, parts: budget },
      {
        folder: 'out',
        path: Buffer.from(name),
        fd,
        state,
        key: KEY,
        attributes: () => ({ metadata: {} }),
        checkpoint: () => undefined,
        wholeMd5: false,
      },
      MIB,
    ),
  );
  await Promise.all(uploads);
  expect(most).toBe(3);
  expect(memory.openUploads()).toBe(0);
});

it('grows the parts of a huge file, and refuses one that no store takes', async () => {
  const largest = MAX_PARTS * MAX_PART_BYTES;
  expect(rangesOf(largest, partSizeBytes(largest, 16 * MIB))).toHaveLength(MAX_PARTS);
  expect(partSizeBytes(largest, 16 * MIB)).toBe(MAX_PART_BYTES);
  expect(partSizeBytes(160_000 * MIB, 16 * MIB)).toBe(16 * MIB);
  expect(partSizeBytes(160_000 * MIB + 1, 16 * MIB)).toBe(17 * MIB);
  expect(partSizeBytes(MIB, 2 * MAX_PART_BYTES)).toBe(MAX_PART_BYTES);

  const { memory, index, file } = uploadSetup(Buffer.alloc(0));
  const fd = openSync(file, 'r');
  const state = { ...statOf(fd), sizeBytes: largest + 1 };
  const attributes = () => ({ metadata: {} });
  const checkpoint = () => undefined;
  const request = { folder: 'out', path: PATH, fd, state, key: KEY, attributes, checkpoint, wholeMd5: false };
  const upload = uploadFile({ store: memory, index, parts: createByteBudget(MIB) }, request, MIB);
  await expect(upload).rejects.toMatchObject({ code: 'EntityTooLarge', retryable: false });
  expect(memory.calls).toEqual([]);
});

it('does not replace what came while a large file was joined when it may only create', async () => {
  const { memory, upload } = uploadSetup(lettered('abc'));
  let came = false;
  memory.before(async (op) => {
    if (op !== 'completeMultipart' || came) return;
    came = true;
    await memory.put(KEY, Buffer.from('of somebody else'), { metadata: {} });
  });
  await expect(upload({ ifAbsent: true })).rejects.toMatchObject({ code: 'PreconditionFailed' });
  expect(String(memory.contents(KEY))).toBe('of somebody else');
});
