/** An upload in parts that was cut off: what is sent again, what is not, and that the object is the file in the end. */
import { closeSync, openSync, utimesSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { statOf } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectStore } from '#core/ports.ts';
import { resumeNoneWithOtherOptions } from '../../edge-agent/upload-abandoned.ts';
import { uploadParts } from '../../edge-agent/upload-parts.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import { storeSettings } from './store-settings.ts';
import { KEY, lettered, MIB, PATH, unreachable, uploadSetup } from './upload-setup.ts';

const refused = (code: string) => () => new SyncError(code, { op: 'store', retryable: false, code });

it('sends only the parts that are missing when the file is the same', async () => {
  const content = lettered('abcdef');
  const { memory, upload, sentParts, failAfter, index } = uploadSetup(content);
  failAfter('uploadPart', 4);
  await expect(upload()).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(memory.openUploads()).toBe(1);
  const kept = index.upload('out', PATH)?.parts.length ?? 0;
  expect(kept).toBeGreaterThan(0);
  memory.before(() => undefined);
  const before = sentParts();
  expect(await upload()).toMatchObject({ sentBytes: (6 - kept) * MIB });
  expect(sentParts() - before).toBe(6 - kept);
  expect(memory.calls.filter((call) => call.startsWith('createMultipart'))).toHaveLength(1);
  expect(memory.contents(KEY)?.equals(content)).toBe(true);
  expect(memory.openUploads()).toBe(0);
});

it('sends one missing part in the middle of others, and they are joined in their order', async () => {
  const content = lettered('abcdef');
  const { memory, upload, index } = uploadSetup(content);
  // By its number: parts are sent side by side, and the third call may carry any of them.
  const store: ObjectStore = {
    ...memory,
    uploadPart: async (key, uploadId, partNumber, body) => {
      if (partNumber === 3) throw unreachable();
      return await memory.uploadPart(key, uploadId, partNumber, body);
    },
  };
  await expect(upload({ store })).rejects.toMatchObject({ code: 'ECONNRESET' });
  const kept = index.upload('out', PATH)?.parts.map(({ partNumber }) => partNumber) ?? [];
  // Parts that ran beside the one that failed have ended before the failure is told.
  expect(kept).toContain(4);
  expect(kept).not.toContain(3);
  expect(await upload()).toMatchObject({ sentBytes: (6 - kept.length) * MIB });
  expect(memory.contents(KEY)?.equals(content)).toBe(true);
});

it('begins anew when the file, the key or the part size is another, and removes the parts', async () => {
  const { file, memory, upload, failAfter, index } = uploadSetup(lettered('abcd'));
  const cutOff = async () => {
    failAfter('uploadPart', 2);
    await expect(upload()).rejects.toMatchObject({ code: 'ECONNRESET' });
    memory.before(() => undefined);
    expect(memory.openUploads()).toBe(1);
  };
  await cutOff();
  // Same size and mtime: only ctime tells.
  const { mtimeNs } = statOf(Buffer.from(file));
  writeFileSync(file, lettered('abcX'));
  utimesSync(file, Number(mtimeNs) / 1e9, Number(mtimeNs) / 1e9);
  expect(await upload()).toMatchObject({ sentBytes: 4 * MIB });
  expect(memory.contents(KEY)?.equals(lettered('abcX'))).toBe(true);
  expect(memory.openUploads()).toBe(0);

  await cutOff();
  expect(await upload({ partBytes: 2 * MIB })).toMatchObject({ sentBytes: 4 * MIB, partBytes: 2 * MIB });
  expect(memory.openUploads()).toBe(0);

  await cutOff();
  const row = index.upload('out', PATH);
  if (row === undefined) throw new Error('no upload');
  index.beginUpload({ ...row, key: 'elsewhere/f' });
  expect(await upload()).toMatchObject({ sentBytes: 4 * MIB });
  expect(memory.openUploads()).toBe(0);

  await cutOff();
  writeFileSync(file, 'small now');
  expect(await upload()).toMatchObject({ partBytes: 0 });
  expect(memory.openUploads()).toBe(0);
  expect(index.uploads('out')).toEqual([]);
});

it('goes on with no upload that was begun for objects with other options', async () => {
  const { memory, upload, failAfter, index } = uploadSetup(lettered('abcd'));
  const begin = (folder: Record<string, unknown>) => {
    const [out] = storeSettings({
      store: { bucket: 'bucket' },
      folders: [{ name: 'out', path: '/out', prefix: 'out/', mode: 'mirror', ...folder }],
    }).folders;
    if (out === undefined) throw new Error('no folder');
    resumeNoneWithOtherOptions(index, out);
  };
  const begun = () => memory.calls.filter((call) => call.startsWith('createMultipart')).length;
  begin({});
  failAfter('uploadPart', 2);
  await expect(upload()).rejects.toMatchObject({ code: 'ECONNRESET' });
  begin({});
  await expect(upload()).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(begun()).toBe(1);
  begin({ encryption: { type: 'AES256' } });
  memory.before(() => undefined);
  expect(await upload()).toMatchObject({ sentBytes: 4 * MIB });
  expect([begun(), memory.openUploads()]).toEqual([2, 0]);
});

it('does not keep parts for later that were read right after the file had changed', async () => {
  const { upload, failAfter, index, memory } = uploadSetup(lettered('abcd'));
  failAfter('uploadPart', 2);
  await expect(upload({ nowMs: Date.now })).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(index.upload('out', PATH)).toMatchObject({ parts: [] });
  memory.before(() => undefined);
  expect(await upload({ nowMs: Date.now })).toMatchObject({ sentBytes: 4 * MIB });
  expect(memory.calls.filter((call) => call.startsWith('createMultipart'))).toHaveLength(1);
});

it.each(['NoSuchUpload', 'InvalidPart'])('starts over when the store answers %s', async (code) => {
  const { memory, upload, failAfter } = uploadSetup(lettered('abcd'));
  failAfter('uploadPart', 2);
  await expect(upload()).rejects.toMatchObject({ code: 'ECONNRESET' });
  let refusals = 0;
  memory.before((op) => {
    if (op === 'completeMultipart' && refusals++ === 0) throw refused(code)();
  });
  await upload();
  expect(memory.contents(KEY)?.equals(lettered('abcd'))).toBe(true);
  expect(memory.openUploads()).toBe(0);
});

it('gives up for now, to be tried again, when the store loses the upload twice', async () => {
  const { memory, upload, failAfter, index } = uploadSetup(lettered('abcd'));
  failAfter('uploadPart', 1, refused('NoSuchUpload'));
  await expect(upload()).rejects.toMatchObject({ code: 'UploadLost', retryable: true });
  expect(memory.openUploads()).toBe(0);
  expect(index.uploads('out')).toEqual([]);
});

it('takes the object as its own when only the reply of the completion was lost', async () => {
  const { memory, upload, sentParts } = uploadSetup(lettered('abcd'));
  const store: ObjectStore = {
    ...memory,
    async completeMultipart(...args) {
      await memory.completeMultipart(...args);
      throw unreachable();
    },
  };
  await expect(upload({ store })).rejects.toMatchObject({ code: 'ECONNRESET' });
  const before = sentParts();
  expect(await upload()).toMatchObject({ sentBytes: 0, etag: (await memory.head(KEY))?.etag });
  expect(sentParts()).toBe(before);
});

it('does not take an older object of the same bytes for what a lost upload should have made', async () => {
  const { file, memory, upload, failAfter } = uploadSetup(lettered('abcd'));
  await upload();
  const { metadata } = (await memory.head(KEY)) ?? {};
  utimesSync(file, 1, 1);
  failAfter('completeMultipart', 0);
  await expect(upload()).rejects.toMatchObject({ code: 'ECONNRESET' });
  memory.before(() => undefined);
  for await (const { key, uploadId } of memory.listUploads('')) await memory.abortMultipart(key, uploadId);
  await upload();
  expect((await memory.head(KEY))?.metadata).not.toEqual(metadata);
});

it('removes the upload that it could not note', async () => {
  const { memory, upload, index } = uploadSetup(lettered('abcd'));
  const full = new SyncError('the index is full', { op: 'index', retryable: true, code: 'IndexFull' });
  index.beginUpload = () => {
    throw full;
  };
  await expect(upload()).rejects.toBe(full);
  expect(memory.openUploads()).toBe(0);
});

it('joins exactly the file, wherever it is cut off and whatever the store then says', async () => {
  const { file, index } = uploadSetup(Buffer.alloc(0));
  const fault = fc.record({
    op: fc.constantFrom('createMultipart', 'uploadPart', 'uploadPart', 'completeMultipart', 'head'),
    after: fc.boolean(),
    code: fc.constantFrom('ECONNRESET', 'NoSuchUpload', 'InvalidPart', 'Stopped', 'Changed'),
    skip: fc.nat(3),
  });
  let fired = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 2, maxLength: 60 }),
      fc.integer({ min: 1, max: 12 }),
      fc.array(fault, { maxLength: 6 }),
      async (content, size, faults) => {
        const partBytes = Math.min(size, content.length - 1);
        writeFileSync(file, content);
        const memory = createMemoryStore();
        const queue = faults.map((one) => ({ ...one }));
        const guard = <Args extends unknown[], T>(op: string, call: (...args: Args) => Promise<T>) => {
          return async (...args: Args): Promise<T> => {
            const next = queue.find((one) => one.op === op && one.skip-- === 0);
            if (next === undefined) return call(...args);
            queue.splice(queue.indexOf(next), 1);
            fired++;
            if (next.after) await call(...args);
            throw new SyncError(next.code, { op, code: next.code, retryable: true });
          };
        };
        const store: ObjectStore = {
          ...memory,
          head: guard('head', memory.head),
          createMultipart: guard('createMultipart', memory.createMultipart),
          uploadPart: guard('uploadPart', memory.uploadPart),
          completeMultipart: guard('completeMultipart', memory.completeMultipart),
        };
        const fd = openSync(file, 'r');
        const state = statOf(fd);
        const attributes = () => ({ metadata: { content: Buffer.from(content).toString('hex') } });
        const checkpoint = () => undefined;
        const request = {
          folder: 'p',
          path: PATH,
          fd,
          state,
          key: KEY,
          attributes,
          checkpoint,
          wholeMd5: false,
        };
        const ports = {
          store,
          index,
          parts: createByteBudget(3 * partBytes),
          nowMs: () => Date.now() + 60_000,
        };
        for (let tries = 0; ; tries++) {
          try {
            const { etag } = await uploadParts(ports, request, partBytes);
            expect((await memory.head(KEY))?.etag).toBe(etag);
            break;
          } catch (error) {
            if (!(error instanceof SyncError)) throw error;
            expect(tries).toBeLessThan(faults.length);
          }
        }
        closeSync(fd);
        expect(memory.contents(KEY)).toEqual(Buffer.from(content));
        expect(index.uploads('p')).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
  // A run without faults proves nothing.
  expect(fired).toBeGreaterThan(100);
});
