/** What the agent's index promises: run on the database, and on the double that simulated hosts have. */
import { describe, expect, it } from 'vitest';
import type { HostIndex, IndexRow } from '#adapters/host/index-db.ts';
import { FINGERPRINT, rowOf } from '../adapters/host/index-rows.ts';

/** An index that can be opened again as it is on the disk, whatever the one before still has in memory. */
export interface IndexWorld {
  open(): HostIndex;
  /** As after the death of its process. */
  reopen(): HostIndex;
}

const path = (name: string) => Buffer.from(name, 'latin1');
const names = (rows: Iterable<IndexRow>) => [...rows].map((row) => row.path.toString('latin1'));

export function hostIndexContract(what: string, world: () => IndexWorld): void {
  describe(`${what} keeps the contract of the index`, () => {
    it('answers a row at once, as it was put, and not what its caller makes of it later', () => {
      const index = world().open();
      const row = rowOf(path('d/\xff'), { state: 'held', lastError: 'why' });
      index.put(row);
      expect(index.get('out', path('d/\xff'))).toEqual(row);
      const answered = index.get('out', path('d/\xff'));
      if (answered !== undefined) answered.etag = 'changed';
      expect(index.get('out', path('d/\xff'))).toEqual(row);
      expect(index.get('other', path('d/\xff'))).toBeUndefined();
    });

    it('loses with its process what was not flushed, and only that', async () => {
      const files = world();
      const index = files.open();
      index.put(rowOf('flushed'));
      index.put(rowOf('gone'));
      index.flush();
      index.put(rowOf('later'));
      const onDisk = () => names(files.reopen().below('out', path('')));
      await expect.poll(onDisk).toEqual(['flushed', 'gone', 'later']);
      index.remove('out', path('gone'));
      index.put(rowOf('lost'));
      expect(onDisk()).toEqual(['flushed', 'gone', 'later']);
    });

    it('has notes, and the beginning of an upload, on the disk when it answers, with all that was put before', () => {
      const files = world();
      const index = files.open();
      index.put(rowOf('before the note'));
      index.setNote('note', 'text');
      index.put(rowOf('before the upload'));
      const upload = {
        folder: 'out',
        path: path('a'),
        ...FINGERPRINT,
        key: 'a',
        uploadId: 'u',
        partBytes: 5,
      };
      index.beginUpload({ ...upload, parts: [] });
      index.addPart('out', path('a'), { partNumber: 2, etag: 'two' });
      index.addPart('out', path('a'), { partNumber: 1, etag: 'one' });
      const parts = [
        { partNumber: 1, etag: 'one' },
        { partNumber: 2, etag: 'two' },
      ];
      expect(index.upload('out', path('a'))).toEqual({ ...upload, parts });
      const again = files.reopen();
      expect(again.note('note')).toBe('text');
      expect(names(again.below('out', path('')))).toEqual(['before the note', 'before the upload']);
      expect(again.uploads('out')).toMatchObject([upload]);
    });

    it('shows a note of soon at once, and has it on the disk together with the rows', async () => {
      const files = world();
      const index = files.open();
      index.put(rowOf('row'));
      index.noteSoon('note', 'text');
      expect(index.note('note')).toBe('text');
      await expect.poll(() => files.reopen().note('note')).toBe('text');
      expect(names(files.reopen().below('out', path('')))).toEqual(['row']);
      index.noteSoon('note', undefined);
      expect(index.note('note')).toBeUndefined();
      index.flush();
      expect(files.reopen().note('note')).toBeUndefined();
    });

    it('tells the next process what was being sent when it ended, in that order, until that is forgotten', () => {
      const files = world();
      const index = files.open();
      expect(index.sending.left()).toEqual([]);
      index.sending.begin('a', { of: 'one' });
      index.put(rowOf('not on the disk'));
      index.sending.begin('b', { of: 'two' });
      index.sending.gone('a');
      expect(index.sending.left()).toEqual([]);
      const next = files.reopen();
      next.sending.begin('c', { of: 'three' });
      expect(next.sending.left()).toEqual([
        ['a', { of: 'one' }],
        ['b', { of: 'two' }],
        ['a', undefined],
      ]);
      next.sending.forget();
      expect(next.sending.left()).toEqual([]);
    });

    it('forgets it in the order in which it cannot be lost: what the index knows is on the disk first', () => {
      const files = world();
      files.open().sending.begin('before', { of: 'one' });
      const index = files.open();
      index.put(rowOf('row'));
      index.sending.forget();
      const next = files.reopen();
      expect(next.sending.left()).toEqual([]);
      expect(names(next.below('out', path('')))).toEqual(['row']);
    });

    it('lists what is below a directory in byte order, what waits by its time, and the names of one file', () => {
      const index = world().open();
      for (const name of ['d/b', 'd/a', 'd', 'd0', 'd/\xff', 'e']) index.put(rowOf(path(name), { ino: 1n }));
      index.put(rowOf('late', { ino: 7n, state: 'waiting', nextAttemptMs: 9 }));
      index.put(rowOf('soon', { ino: 7n, state: 'parked', nextAttemptMs: 3 }));
      expect(names(index.below('out', path('d')))).toEqual(['d/a', 'd/b', 'd/\xff']);
      expect(names(index.unsettled('out'))).toEqual(['soon', 'late']);
      expect(names(index.byInode('out', FINGERPRINT.dev, 7n))).toEqual(['late', 'soon']);
      expect(index.counts('out')).toEqual({ synced: 6, waiting: 1, parked: 1, held: 0 });
      expect(index.retryNow('out')).toBe(1);
      expect(index.get('out', path('late'))?.nextAttemptMs).toBe(0);
    });

    it('is fresh until everything has been looked at, also after a restart', () => {
      const files = world();
      const index = files.open();
      expect(index.fresh).toBe('first');
      expect(files.reopen().fresh).toBe('first');
      index.completed();
      expect(index.fresh).toBeUndefined();
      expect(files.reopen().fresh).toBeUndefined();
    });
  });
}
