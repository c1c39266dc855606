/** What every `Ledger` must do, whatever is behind it. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { Ledger } from '#core/ports.ts';
import { compareUtf8 } from '#core/utf8.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';

/** `make` answers an empty ledger. */
export function ledgerContract(name: string, make: () => Promise<Ledger>): void {
  describe(`${name} keeps the Ledger contract`, () => {
    let ledger: Ledger;
    const fresh = () => objectKey(`k-${randomUUID()}`);
    beforeAll(async () => {
      ledger = await make();
    });

    it('knows nothing of a key that nobody wrote', async () => {
      expect(await ledger.get(fresh())).toBeUndefined();
    });

    it('gives back every field of an entry', async () => {
      const entry = ledgerEntry({
        key: fresh(),
        sequencer: '0055AED6DCD90281E5',
        etag: `${'a'.repeat(32)}-2`,
        versionId: 'v.1',
        sizeBytes: 5 * 1024 ** 4,
        eventTimeMs: 1_767_225_600_123,
      });
      expect(await ledger.put(entry)).toBe('written');
      expect(await ledger.get(entry.key)).toEqual(entry);
    });

    it('writes only over the revision before', async () => {
      const entry = ledgerEntry({ key: fresh() });
      expect(await ledger.put({ ...entry, revision: 2 })).toBe('conflict');
      expect(await ledger.put(entry)).toBe('written');
      expect(await ledger.put(entry)).toBe('conflict');
      expect(await ledger.put({ ...entry, revision: 3 })).toBe('conflict');
      expect(await ledger.put({ ...entry, revision: 2, etag: 'next' })).toBe('written');
      expect(await ledger.get(entry.key)).toMatchObject({ revision: 2, etag: 'next' });
    });

    it('lets one of many writers of a revision win', async () => {
      const key = fresh();
      const entries = Array.from({ length: 8 }, (_, index) => ledgerEntry({ key, etag: `writer-${index}` }));
      const answers = await Promise.all(entries.map((entry) => ledger.put(entry)));
      expect(answers.filter((answer) => answer === 'written')).toHaveLength(1);
      expect((await ledger.get(key))?.etag).toBe(`writer-${answers.indexOf('written')}`);
    });

    it('forgets when a tombstone would expire once the object is back', async () => {
      const key = fresh();
      const tombstone = ledgerEntry({ key, state: 'deleted', etag: '', expiresAtSec: 4_000_000_000 });
      await ledger.put(tombstone);
      expect(await ledger.get(key)).toEqual(tombstone);
      await ledger.put(ledgerEntry({ key, revision: 2 }));
      expect(await ledger.get(key)).toEqual(ledgerEntry({ key, revision: 2 }));
    });

    it('keeps mirror records beside the entry, which no write of it touches', async () => {
      const key = fresh();
      await ledger.put(ledgerEntry({ key }));
      await ledger.recordMirror(key, 'site-b', { sourceEtag: 'x', atMs: 5 });
      await ledger.recordMirror(key, 'site-c', { sourceEtag: '', atMs: 6 });
      await ledger.put(ledgerEntry({ key, revision: 2 }));
      const mirrors = { 'site-b': { sourceEtag: 'x', atMs: 5 }, 'site-c': { sourceEtag: '', atMs: 6 } };
      expect(await ledger.get(key)).toEqual(ledgerEntry({ key, revision: 2, mirrors }));
    });

    it('takes a mirror record before the first event, and the event as the first write', async () => {
      const key = fresh();
      const mirrors = { one: { sourceEtag: 'x', atMs: 5 } };
      await ledger.recordMirror(key, 'one', { sourceEtag: 'x', atMs: 5 });
      const unknown = { state: 'unknown', revision: 0, sequencer: '', etag: '', versionId: '' } as const;
      expect(await ledger.get(key)).toEqual({ key, ...unknown, sizeBytes: 0, eventTimeMs: 0, mirrors });
      expect(await ledger.put(ledgerEntry({ key }))).toBe('written');
      expect(await ledger.get(key)).toEqual(ledgerEntry({ key, mirrors }));
    });

    it('never replaces a mirror record by an older one', async () => {
      const key = fresh();
      await ledger.recordMirror(key, 'one', { sourceEtag: 'new', atMs: 5 });
      await ledger.recordMirror(key, 'one', { sourceEtag: 'old', atMs: 4 });
      expect((await ledger.get(key))?.mirrors.one).toEqual({ sourceEtag: 'new', atMs: 5 });
      await ledger.recordMirror(key, 'one', { sourceEtag: 'newer', atMs: 6 });
      expect((await ledger.get(key))?.mirrors.one?.sourceEtag).toBe('newer');
    });

    it('gives back the ETag that a mirror saw at its destination', async () => {
      const key = fresh();
      const record = { sourceEtag: 'x', targetEtag: 'y-2', atMs: 5 };
      await ledger.recordMirror(key, 'one', record);
      expect((await ledger.get(key))?.mirrors.one).toEqual(record);
    });

    it('keeps permissions with the entry, and forgets them with the next that has none', async () => {
      const key = fresh();
      const told = ledgerEntry({ key, permissions: { json: '{"é":["\\u0000",1]}', atMs: 7 } });
      await ledger.put(told);
      expect(await ledger.get(key)).toEqual(told);
      await ledger.put(ledgerEntry({ key, revision: 2 }));
      expect(await ledger.get(key)).toEqual(ledgerEntry({ key, revision: 2 }));
    });

    it('keeps what was delivered beside the entry, which no write of it touches', async () => {
      const key = fresh();
      await ledger.put(ledgerEntry({ key }));
      await ledger.recordMirror(key, 'one', { sourceEtag: 'x', atMs: 5 });
      const delivery = { etag: 'e', permissions: '{}', atMs: 8 };
      expect(await ledger.recordDelivery(key, delivery, undefined)).toBe('written');
      const stale = { etag: 'stale', permissions: '', atMs: 1 };
      await ledger.put(ledgerEntry({ key, revision: 2, mirrors: {}, delivery: stale }));
      const mirrors = { one: { sourceEtag: 'x', atMs: 5 } };
      expect(await ledger.get(key)).toEqual(ledgerEntry({ key, revision: 2, mirrors, delivery }));
    });

    it('notes a delivery only over the record that was read', async () => {
      const key = fresh();
      const first = { etag: 'e', permissions: '', atMs: 1 };
      const second = { etag: 'e', permissions: '{"mode":"644"}', atMs: 1 };
      expect(await ledger.recordDelivery(key, first, second)).toBe('conflict');
      expect(await ledger.recordDelivery(key, first, undefined)).toBe('written');
      expect(await ledger.recordDelivery(key, second, undefined)).toBe('conflict');
      expect(await ledger.recordDelivery(key, second, { ...first, atMs: 2 })).toBe('conflict');
      expect(await ledger.recordDelivery(key, second, first)).toBe('written');
      expect((await ledger.get(key))?.delivery).toEqual(second);
      expect(await ledger.recordDelivery(key, undefined, first)).toBe('conflict');
      expect(await ledger.recordDelivery(key, undefined, second)).toBe('written');
      expect(await ledger.get(key)).not.toHaveProperty('delivery');
    });

    it('lets one of many deliveries of a key note what it did', async () => {
      const key = fresh();
      const records = Array.from({ length: 8 }, (_, index) => ({
        etag: `e${index}`,
        permissions: '',
        atMs: 1,
      }));
      const answers = await Promise.all(
        records.map((record) => ledger.recordDelivery(key, record, undefined)),
      );
      expect(answers.filter((answer) => answer === 'written')).toHaveLength(1);
      expect((await ledger.get(key))?.delivery).toEqual(records[answers.indexOf('written')]);
    });

    it('takes a delivery before the first event, and the event as the first write', async () => {
      const key = fresh();
      const delivery = { etag: 'e', permissions: '', atMs: 8 };
      await ledger.recordDelivery(key, delivery, undefined);
      expect(await ledger.get(key)).toMatchObject({ state: 'unknown', revision: 0, delivery });
      expect(await ledger.put(ledgerEntry({ key }))).toBe('written');
      expect(await ledger.get(key)).toEqual(ledgerEntry({ key, delivery }));
    });

    it('lists every entry once, in the order of UTF-8 bytes', async () => {
      const prefix = `list-${randomUUID()}/`;
      const names = ['z', 'a b', '\uff5e', '😀', 'é', 'k'.repeat(900), '\u0001', "it's", 'a#b'];
      for (let index = 0; index < 700; index++) names.push(`n${index}`);
      for (let start = 0; start < names.length; start += 50) {
        const some = names.slice(start, start + 50);
        await Promise.all(some.map((text) => ledger.put(ledgerEntry({ key: prefix + text }))));
      }
      const listed: LedgerEntry[] = [];
      for await (const entry of ledger.entries()) if (entry.key.startsWith(prefix)) listed.push(entry);
      const sorted = [...names].sort(compareUtf8);
      expect(listed.map(({ key }) => key.slice(prefix.length))).toEqual(sorted);

      for (const after of ['n350', '😀', 'k'.repeat(900), 'nobody wrote this']) {
        const rest: string[] = [];
        for await (const { key } of ledger.entries({ after: objectKey(prefix + after) })) {
          if (key.startsWith(prefix)) rest.push(key.slice(prefix.length));
        }
        expect(rest).toEqual(sorted.filter((name) => compareUtf8(name, after) > 0));
      }
    });

    it('stops listing when the reader has enough', async () => {
      let seen = 0;
      for await (const _entry of ledger.entries()) if (++seen === 3) break;
      expect(seen).toBe(3);
    });
  });
}
