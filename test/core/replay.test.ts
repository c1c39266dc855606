import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { ObjectHead } from '#core/ports.ts';
import { fold, TOMBSTONE_SEC } from '#core/replay.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import { ledgerEntry, objectEvent } from '../doubles/s3-event.ts';

const NOW_MS = 1_700_000_000_500;
const head = (fields: Partial<ObjectHead> = {}): ObjectHead => ({
  key: objectKey('k'),
  sizeBytes: 9,
  etag: 'etag-9',
  lastModifiedMs: 9_000,
  metadata: {},
  ...fields,
});

describe('folding one event', () => {
  it('writes the first event of a key as it says', () => {
    const event = objectEvent({ sequencer: '0A', etag: 'e', sizeBytes: 3, versionId: 'v', timeMs: 7 });
    expect(fold(undefined, event, 'not asked', NOW_MS)).toMatchObject({
      write: {
        key: 'k',
        state: 'present',
        revision: 1,
        sequencer: '0A',
        etag: 'e',
        sizeBytes: 3,
        versionId: 'v',
        eventTimeMs: 7,
        mirrors: {},
      },
    });
  });

  it.each([
    ['newer', '02', 'write'],
    ['older', '00', 'ignore'],
    ['the same', '01', 'ignore'],
    ['of another length', '001', 'ask'],
    ['without sequencer', '', 'ask'],
  ])('that is %s than the row (%j) answers %s', (_what, sequencer, answer) => {
    const outcome = fold(ledgerEntry(), objectEvent({ sequencer }), 'not asked', NOW_MS);
    expect(outcome).toHaveProperty(answer);
  });

  it('keeps a tombstone for thirty days, and a later create takes it away', () => {
    const removal = objectEvent({ kind: 'removed', sequencer: '02' });
    const outcome = fold(ledgerEntry(), removal, 'not asked', NOW_MS);
    const expiresAtSec = 1_700_000_000 + TOMBSTONE_SEC;
    expect(outcome).toMatchObject({ write: { state: 'deleted', etag: '', revision: 2, expiresAtSec } });
    if (!('write' in outcome)) return;
    const late = fold(outcome.write, objectEvent({ sequencer: '01' }), 'not asked', NOW_MS);
    expect(late).toHaveProperty('ignore');
    const again = fold(outcome.write, objectEvent({ sequencer: '03' }), 'not asked', NOW_MS);
    expect(again).toHaveProperty('write.state', 'present');
    expect(again).not.toHaveProperty('write.expiresAtSec');
  });

  it('keeps the tombstone of a key that permissions were told for, until an object comes to have them', () => {
    const permissions = { json: '{"readers":["audit"]}', atMs: 5 };
    const outcome = fold(
      ledgerEntry({ permissions }),
      objectEvent({ kind: 'removed', sequencer: '02' }),
      'not asked',
      NOW_MS,
    );
    expect(outcome).toMatchObject({ write: { state: 'deleted', permissions } });
    expect(outcome).not.toHaveProperty('write.expiresAtSec');
  });

  it('keeps what the mirrors said, and takes a row that only they wrote for no history', () => {
    const mirrors = { one: { sourceEtag: 'x', atMs: 1 } };
    const entry = ledgerEntry({ state: 'unknown', revision: 0, sequencer: '', mirrors });
    expect(fold(entry, objectEvent(), 'not asked', NOW_MS)).toMatchObject({
      write: { revision: 1, mirrors },
    });
  });

  it('lets HEAD decide, and remembers no sequencer that HEAD does not prove', () => {
    const event = objectEvent({ sequencer: '00A' });
    expect(fold(ledgerEntry(), event, head(), NOW_MS)).toMatchObject({
      write: { state: 'present', sequencer: '', etag: 'etag-9', sizeBytes: 9, eventTimeMs: 9_000 },
    });
    expect(fold(ledgerEntry(), event, undefined, NOW_MS)).toMatchObject({
      write: { state: 'deleted', sequencer: '' },
    });
    const proven = fold(ledgerEntry(), { ...event, versionId: 'v' }, head({ versionId: 'v' }), NOW_MS);
    expect(proven).toMatchObject({ write: { sequencer: '00A', versionId: 'v' } });
  });

  it('writes the row anew when it already says what HEAD says, so that a look before this one is not believed', () => {
    const known = ledgerEntry({ sequencer: '', etag: 'etag-9', sizeBytes: 9, eventTimeMs: 9_000 });
    expect(fold(known, objectEvent({ sequencer: '' }), head(), NOW_MS)).toMatchObject({
      write: { ...known, revision: known.revision + 1 },
    });
  });

  it('takes the same bytes written again for another state where only their time tells', () => {
    const known = ledgerEntry({ sequencer: '', etag: 'etag-9', sizeBytes: 9, eventTimeMs: 8_000 });
    expect(fold(known, objectEvent({ sequencer: '' }), head(), NOW_MS)).toMatchObject({
      write: { revision: 2, eventTimeMs: 9_000 },
    });
  });

  it('takes an object that was written again under its ETag for another state: its metadata may be others', () => {
    const look = objectEvent({ kind: 'look', sequencer: '' });
    // What is written while versions are suspended is always the version "null".
    const known = ledgerEntry({ versionId: 'null', etag: 'etag-9', sizeBytes: 9, eventTimeMs: 6_999 });
    const now = head({ versionId: 'null' });
    expect(fold(known, look, now, NOW_MS)).toMatchObject({ write: { eventTimeMs: 9_000 } });
    const near = { ...known, eventTimeMs: 7_000 };
    expect(fold(near, look, now, NOW_MS)).toMatchObject({ write: { eventTimeMs: 7_000 } });
  });

  it('takes the time that HEAD tells where there is no other mark, so that the next look finds nothing new', () => {
    const look = objectEvent({ kind: 'look', sequencer: '' });
    const known = ledgerEntry({ sequencer: '01', etag: 'etag-9', sizeBytes: 9, eventTimeMs: 9_048 });
    const { write } = fold(known, look, head(), NOW_MS) as { write: LedgerEntry };
    expect(fold(write, look, head(), NOW_MS)).toEqual({
      write: { ...write, revision: write.revision + 1 },
      reason: 'the ledger already says what HEAD says',
    });
    const versioned = { ...known, versionId: 'v' };
    expect(fold(versioned, look, head({ versionId: 'v' }), NOW_MS)).toMatchObject({
      write: { eventTimeMs: 9_048 },
    });
  });

  it('ignores tags and other changes that leave the bytes', () => {
    const event = objectEvent({ kind: 'other', name: 'ObjectTagging:Put', sequencer: '' });
    expect(fold(undefined, event, 'not asked', NOW_MS)).toEqual({
      ignore: 'ObjectTagging:Put changes nothing that the ledger keeps',
    });
  });
});

describe('being asked to look', () => {
  const look = (fields: Partial<ObjectEvent> = {}) =>
    objectEvent({ kind: 'look', name: 'Look', sequencer: '', etag: '', timeMs: 0, ...fields });

  it('always asks HEAD', () => {
    for (const entry of [undefined, ledgerEntry(), ledgerEntry({ state: 'deleted' })]) {
      expect(fold(entry, look(), 'not asked', NOW_MS)).toHaveProperty('ask', 'head');
    }
  });

  it('writes what HEAD says', () => {
    expect(fold(undefined, look(), head(), NOW_MS)).toMatchObject({
      write: { state: 'present', revision: 1 },
    });
    expect(fold(ledgerEntry(), look(), head(), NOW_MS)).toMatchObject({
      write: { etag: 'etag-9', sequencer: '' },
    });
    expect(fold(ledgerEntry(), look(), undefined, NOW_MS)).toMatchObject({ write: { state: 'deleted' } });
  });

  it('makes no row of a key that nobody has', () => {
    expect(fold(undefined, look(), undefined, NOW_MS)).toEqual({
      ignore: 'neither the ledger nor the hub knows the key',
    });
  });

  it('asks for every event of a key whose versions were removed, since an older one may show again', () => {
    const removed = objectEvent({ kind: 'removed', sequencer: '', versionId: 'v2' });
    const shown = head({ versionId: 'v1', etag: 'one' });
    const first = fold(undefined, removed, shown, NOW_MS);
    const row = 'write' in first ? first.write : undefined;
    expect(row).toMatchObject({ state: 'present', versionId: 'v1', etag: 'one' });
    // The event that made v1, late, does not make v2, later still, the newest of all.
    const late = fold(row, objectEvent({ sequencer: '01', versionId: 'v1', etag: 'one' }), shown, NOW_MS);
    const then = 'write' in late ? late.write : row;
    const gone = objectEvent({ sequencer: '02', versionId: 'v2', etag: 'two' });
    expect(fold(then, gone, 'not asked', NOW_MS)).toMatchObject({ ask: 'head' });
    expect(fold(then, gone, shown, NOW_MS)).toMatchObject({ write: { etag: 'one', versionId: 'v1' } });
  });

  it('leaves the place in the order to the version that has it', () => {
    const versioned = ledgerEntry({ sequencer: '0A', versionId: 'v', etag: 'etag-9', sizeBytes: 9 });
    expect(fold(versioned, look(), head({ versionId: 'v' }), NOW_MS)).toMatchObject({
      write: { sequencer: '0A', versionId: 'v' },
    });
    const plain = ledgerEntry({ sequencer: '0A', etag: 'etag-9', sizeBytes: 9 });
    expect(fold(plain, look(), head(), NOW_MS)).toMatchObject({
      write: { sequencer: '', eventTimeMs: 9_000 },
    });
  });

  it('brings permissions, also for a row that is otherwise the same, and for an object yet to come', () => {
    const told = look({ permissions: '{"a":1}', timeMs: 5 });
    const permissions = { json: '{"a":1}', atMs: 5 };
    const state = { versionId: 'v', etag: 'etag-9', sizeBytes: 9, eventTimeMs: 9_000 };
    const entry = ledgerEntry({ sequencer: '0A', ...state });
    expect(fold(entry, told, head({ versionId: 'v' }), NOW_MS)).toEqual({
      write: { ...entry, revision: 2, permissions },
      reason: 'new permissions',
    });
    expect(fold(undefined, told, undefined, NOW_MS)).toMatchObject({
      write: { state: 'deleted', permissions },
    });
    expect(
      fold(ledgerEntry({ permissions }), objectEvent({ sequencer: '02' }), 'not asked', NOW_MS),
    ).toMatchObject({
      write: { permissions },
    });
  });

  it('believes no permissions of the future more than those of later events', () => {
    const outcome = fold(undefined, look({ permissions: '{}', timeMs: 9e15 }), head(), NOW_MS);
    expect(outcome).toMatchObject({ write: { permissions: { json: '{}', atMs: NOW_MS } } });
  });

  it('keeps the newest permissions, in whatever order and however often they are told', () => {
    const told = fc.record({ timeMs: fc.integer({ min: 1, max: 4 }), mode: fc.integer({ min: 0, max: 2 }) });
    fc.assert(
      fc.property(fc.array(told, { minLength: 1 }), fc.infiniteStream(fc.nat()), (all, choices) => {
        const waiting = all.flatMap((one) => [one, one]);
        let entry: LedgerEntry | undefined;
        while (waiting.length > 0) {
          const [one] = waiting.splice(Number(choices.next().value) % waiting.length, 1);
          const event = look({ permissions: JSON.stringify(one), timeMs: one?.timeMs ?? 0 });
          const outcome = fold(entry, event, head(), NOW_MS);
          if ('write' in outcome) entry = outcome.write;
        }
        const newest = Math.max(...all.map(({ timeMs }) => timeMs));
        const texts = all.filter(({ timeMs }) => timeMs === newest).map((one) => JSON.stringify(one));
        expect(entry?.permissions).toEqual({ json: texts.sort().at(-1), atMs: newest });
      }),
    );
  });

  it('never touches what was delivered', () => {
    const delivery = { etag: 'x', permissions: '', atMs: 1 };
    expect(fold(ledgerEntry({ delivery }), look(), head(), NOW_MS)).toMatchObject({ write: { delivery } });
  });
});
