/** What every `ObjectStore` must do, whatever is behind it. Run on real servers and on the double. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { compareUtf8 } from '#core/utf8.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const plain = { metadata: {} };

export async function contentOf(store: ObjectStore, key: ObjectKey): Promise<string> {
  const { body } = await store.get(key);
  return String(Buffer.concat(await Array.fromAsync(body)));
}

/**
 * `make` answers a store on an existing, empty bucket.
 *
 * @param options.tagsOfUploads whether tags that are given to an upload in parts are kept
 * @param options.encrypts whether it encrypts when it is asked to
 */
export function objectStoreContract(
  name: string,
  make: () => Promise<ObjectStore>,
  { tagsOfUploads = true, encrypts = true }: { tagsOfUploads?: boolean; encrypts?: boolean } = {},
): void {
  describe(`${name} keeps the ObjectStore contract`, () => {
    let store: ObjectStore;
    const fresh = (text = 'k') => objectKey(`${text}-${randomUUID()}`);
    beforeAll(async () => {
      store = await make();
    });

    it('answers undefined for an object that is not there', async () => {
      expect(await store.head(fresh())).toBeUndefined();
    });

    it('keeps bytes, metadata and content headers', async () => {
      const key = fresh();
      const attributes = { metadata: { mtime: '1.5' }, contentType: 'text/plain', cacheControl: 'no-cache' };
      const { etag } = await store.put(key, bytes('hello'), attributes);
      expect(await store.head(key)).toMatchObject({ ...attributes, key, sizeBytes: 5, etag });
      expect(await contentOf(store, key)).toBe('hello');
    });

    it('keeps an empty object', async () => {
      const key = fresh();
      await store.put(key, bytes(''), plain);
      expect(await store.head(key)).toMatchObject({ sizeBytes: 0 });
      expect(await contentOf(store, key)).toBe('');
    });

    it.each([
      'sp ace',
      'plus+',
      'per%cent',
      'ünï',
      'e\u0301',
      '😀',
      "q'uo(te)*!",
      'semi;colon',
      'a&b=c?d#e',
      '~',
    ])('round-trips the key %j', async (text) => {
      const key = fresh(text);
      await store.put(key, bytes(text), plain);
      expect(await contentOf(store, key)).toBe(text);
      const listed = await Array.fromAsync(store.list(key));
      expect(listed.map((one) => one.key)).toEqual([key]);
    });

    it('reads a range, and refuses to read another version', async () => {
      const key = fresh();
      const { etag } = await store.put(key, bytes('0123456789'), plain);
      const { body, head } = await store.get(key, { range: { start: 2, end: 4 }, ifMatch: etag });
      expect(String(Buffer.concat(await Array.fromAsync(body)))).toBe('234');
      expect(head.sizeBytes).toBe(10);
      await store.put(key, bytes('other'), plain);
      await expect(store.get(key, { ifMatch: etag })).rejects.toMatchObject({ code: 'PreconditionFailed' });
    });

    it('creates only when absent if asked', async () => {
      const key = fresh();
      await store.put(key, bytes('first'), { ...plain, ifAbsent: true });
      await expect(store.put(key, bytes('second'), { ...plain, ifAbsent: true })).rejects.toMatchObject({
        code: 'PreconditionFailed',
      });
      expect(await contentOf(store, key)).toBe('first');
    });

    it('deletes only the state it was asked to delete', async () => {
      const key = fresh();
      const { etag } = await store.put(key, bytes('one'), plain);
      await store.put(key, bytes('two'), plain);
      expect(await store.delete(key, { ifMatch: etag })).toBe('changed');
      expect(await contentOf(store, key)).toBe('two');
      expect(await store.delete(key)).toBe('deleted');
      expect(await store.delete(key)).toBe('deleted');
      expect(await store.delete(key, { ifMatch: etag })).toBe('deleted');
      expect(await store.head(key)).toBeUndefined();
    });

    it('copies with the attributes carried or replaced, and only the state asked for', async () => {
      const from = fresh();
      const { etag } = await store.put(from, bytes('copy me'), {
        metadata: { a: '1' },
        contentType: 'text/x',
      });
      const [carried, replaced] = [fresh(), fresh()];
      await store.copy(carried, { bucket: store.bucket, key: from, ifMatch: etag });
      expect(await store.head(carried)).toMatchObject({ metadata: { a: '1' }, contentType: 'text/x' });
      await store.copy(
        replaced,
        { bucket: store.bucket, key: from, ifMatch: etag },
        { metadata: { b: '2' } },
      );
      expect((await store.head(replaced))?.metadata).toEqual({ b: '2' });
      expect(await contentOf(store, replaced)).toBe('copy me');
      const stale = store.copy(carried, { bucket: store.bucket, key: from, ifMatch: 'f'.repeat(32) });
      await expect(stale).rejects.toMatchObject({ code: 'PreconditionFailed' });
    });

    it('joins parts, sent and copied, and forgets an aborted upload', async () => {
      const [key, from, aborted] = [fresh(), fresh(), fresh()];
      const part = Buffer.alloc(5 * 1024 * 1024, 'p');
      const { etag } = await store.put(from, part, plain);
      const uploadId = await store.createMultipart(key, { metadata: { c: '3' } });
      const first = await store.uploadPart(key, uploadId, 1, part);
      const range = { start: 0, end: part.length - 1 };
      const source = { bucket: store.bucket, key: from, ifMatch: etag };
      const second = await store.uploadPartCopy(key, uploadId, 2, source, range);
      const last = await store.uploadPart(key, uploadId, 3, bytes('end'));
      await store.completeMultipart(key, uploadId, [first, second, last]);
      expect(await store.head(key)).toMatchObject({ sizeBytes: 2 * part.length + 3, metadata: { c: '3' } });

      const given = await store.createMultipart(aborted, plain);
      await store.uploadPart(aborted, given, 1, part);
      await store.abortMultipart(aborted, given);
      expect(await store.head(aborted)).toBeUndefined();
    });

    it('joins parts only where there is no object, if asked', async () => {
      const [taken, free] = [fresh(), fresh()];
      const join = async (key: ObjectKey) => {
        const uploadId = await store.createMultipart(key, plain);
        const part = await store.uploadPart(key, uploadId, 1, bytes('joined'));
        return store.completeMultipart(key, uploadId, [part], { ifAbsent: true });
      };
      await store.put(taken, bytes('first'), plain);
      await expect(join(taken)).rejects.toMatchObject({ code: 'PreconditionFailed', retryable: false });
      expect(await contentOf(store, taken)).toBe('first');
      await join(free);
      expect(await contentOf(store, free)).toBe('joined');
    });

    it('lists the uploads that are open below a prefix, and no others', async () => {
      const prefix = `${fresh('uploads')}/`;
      const [one, two, elsewhere] = [objectKey(`${prefix}a b`), objectKey(`${prefix}ü+`), fresh('other')];
      const ids = [await store.createMultipart(one, plain), await store.createMultipart(two, plain)];
      const away = await store.createMultipart(elsewhere, plain);
      const open = await Array.fromAsync(store.listUploads(prefix));
      expect(open.map(({ key, uploadId }) => ({ key, uploadId }))).toEqual([
        { key: one, uploadId: ids[0] },
        { key: two, uploadId: ids[1] },
      ]);
      for (const { initiatedMs } of open) expect(initiatedMs).toSatisfy(Number.isFinite);
      for (const { key, uploadId } of open) await store.abortMultipart(key, uploadId);
      await store.abortMultipart(elsewhere, away);
      expect(await Array.fromAsync(store.listUploads(prefix))).toEqual([]);
    });

    it('tells which parts of an upload it has, over pages, and none of an upload it does not have', async () => {
      const [key, other] = [fresh('parts ü+'), fresh()];
      const uploadId = await store.createMultipart(key, plain);
      expect(await Array.fromAsync(store.listParts(key, uploadId))).toEqual([]);
      const sent: { partNumber: number; etag: string; sizeBytes: number }[] = [];
      for (const partNumber of [3, 1, 7]) {
        const body = bytes('p'.repeat(partNumber));
        sent.push({ ...(await store.uploadPart(key, uploadId, partNumber, body)), sizeBytes: partNumber });
      }
      const again = { ...(await store.uploadPart(key, uploadId, 3, bytes('other'))), sizeBytes: 5 };
      expect(await Array.fromAsync(store.listParts(key, uploadId))).toEqual([sent[1], again, sent[2]]);
      await store.abortMultipart(key, uploadId);
      expect(await Array.fromAsync(store.listParts(key, uploadId))).toEqual([]);
      expect(await Array.fromAsync(store.listParts(other, uploadId))).toEqual([]);
    });

    it('tells the size of a part or nothing, and only of the state asked for', async () => {
      const [joined, whole] = [fresh(), fresh()];
      const part = Buffer.alloc(5 * 1024 * 1024, 'p');
      const uploadId = await store.createMultipart(joined, plain);
      const parts = [
        await store.uploadPart(joined, uploadId, 1, part),
        await store.uploadPart(joined, uploadId, 2, bytes('end')),
      ];
      const { etag } = await store.completeMultipart(joined, uploadId, parts);
      expect(await store.head(joined)).toMatchObject({ etag, partCount: 2 });
      expect([part.length, undefined]).toContain(await store.partBytes(joined, etag));
      expect([3, undefined]).toContain(await store.partBytes(joined, etag, 2));
      const sent = await store.put(whole, part, plain);
      expect(await store.partBytes(whole, sent.etag)).toBeUndefined();
      await expect(store.partBytes(whole, etag)).rejects.toMatchObject({ code: 'PreconditionFailed' });
      await expect(store.partBytes(fresh(), etag)).rejects.toMatchObject({ code: 'NotFound' });
    });

    it('keeps tags given with the bytes, and replaces them without', async () => {
      const [put, joined, bare] = [fresh('t ü+'), fresh(), fresh()];
      const tags = { 'a b': 'c=d', e: '', 'f+g': '1/2:3@4' };
      await store.put(put, bytes('x'), { ...plain, tags });
      await store.put(bare, bytes('x'), plain);
      const uploadId = await store.createMultipart(joined, { ...plain, tags });
      const part = await store.uploadPart(joined, uploadId, 1, bytes('x'));
      await store.completeMultipart(joined, uploadId, [part]);
      expect(await store.tags(put)).toEqual(tags);
      if (tagsOfUploads) expect(await store.tags(joined)).toEqual(tags);
      expect(await store.tags(bare)).toEqual({});
      await store.setTags(put, { only: 'one' });
      expect(await store.tags(put)).toEqual({ only: 'one' });
      await store.setTags(put, {});
      expect(await store.tags(put)).toEqual({});
      await expect(store.tags(fresh())).rejects.toMatchObject({ code: 'NoSuchKey' });
      await expect(store.setTags(fresh(), tags)).rejects.toMatchObject({ code: 'NoSuchKey' });
    });

    it('carries tags with a copy, or replaces them when they are given', async () => {
      const [from, carried, replaced, emptied] = [fresh(), fresh(), fresh(), fresh()];
      const { etag } = await store.put(from, bytes('x'), { ...plain, tags: { a: '1' } });
      const source = { bucket: store.bucket, key: from, ifMatch: etag };
      await store.copy(carried, source, { metadata: { m: '1' } });
      await store.copy(replaced, source, { ...plain, tags: { b: '2' } });
      await store.copy(emptied, source, { ...plain, tags: {} });
      expect(await store.tags(carried)).toEqual({ a: '1' });
      expect(await store.tags(replaced)).toEqual({ b: '2' });
      expect(await store.tags(emptied)).toEqual({});
    });

    it('knows that its bucket exists, and takes creating it again for done', async () => {
      expect(await store.bucketExists()).toBe(true);
      await store.createBucket();
      expect(await store.bucketExists()).toBe(true);
    });

    it('keeps objects whole whatever placement is asked for', async () => {
      const [put, copied, joined] = [fresh(), fresh(), fresh()];
      const placed = {
        ...plain,
        storageClass: 'STANDARD',
        ...(encrypts ? { encryption: { type: 'AES256' } as const } : {}),
      };
      const { etag } = await store.put(put, bytes('placed'), placed);
      await store.copy(copied, { bucket: store.bucket, key: put, ifMatch: etag }, placed);
      const uploadId = await store.createMultipart(joined, placed);
      const part = await store.uploadPart(joined, uploadId, 1, bytes('placed'));
      await store.completeMultipart(joined, uploadId, [part]);
      for (const key of [put, copied, joined]) expect(await contentOf(store, key)).toBe('placed');
    });

    it('encrypts when it is asked to, or says that it does not', async () => {
      const answer = store.put(fresh(), bytes('secret'), { ...plain, encryption: { type: 'AES256' } });
      if (encrypts) await answer;
      else await expect(answer).rejects.toMatchObject({ code: 'NotEncrypted', retryable: false });
    });

    it('lists by prefix in the order of UTF-8 bytes, over pages', async () => {
      const prefix = `list-${randomUUID()}/`;
      const names = [
        'z',
        'a b',
        '\uff5e',
        '😀',
        'é',
        ...Array.from({ length: 1005 }, (_, index) => `n${index}`),
      ];
      for (let start = 0; start < names.length; start += 50) {
        const some = names.slice(start, start + 50);
        await Promise.all(some.map((text) => store.put(objectKey(prefix + text), bytes(text), plain)));
      }
      const listed = (await Array.fromAsync(store.list(prefix))).map(({ key }) => key.slice(prefix.length));
      const ordered = [...names].sort(compareUtf8);
      expect(listed).toEqual(ordered);
      for (const index of [0, 3, ordered.length - 6, ordered.length - 1]) {
        const after = objectKey(prefix + (ordered[index] ?? ''));
        const rest = (await Array.fromAsync(store.list(prefix, { after }))).map(({ key }) => key);
        expect(rest).toEqual(ordered.slice(index + 1).map((text) => prefix + text));
      }
      const gap = objectKey(`${prefix}n5.`);
      expect((await Array.fromAsync(store.list(prefix, { after: gap })))[0]?.key).toBe(`${prefix}n50`);
    });
  });
}
