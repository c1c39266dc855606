import { describe, expect, it } from 'vitest';
import {
  isCertain,
  isIntent,
  laterThan,
  planDelivery,
  planRename,
  uncertainRecord,
} from '#core/delivery-plan.ts';
import { objectKey } from '#core/key.ts';
import type { DeliveryRecord } from '#core/ledger-entry.ts';
import type { ObjectHead } from '#core/ports.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';

const E1 = '1'.repeat(32);
const E2 = '2'.repeat(32);
const head = (fields: Partial<ObjectHead> = {}): ObjectHead => ({
  key: objectKey('k'),
  sizeBytes: 1,
  etag: E1,
  lastModifiedMs: 0,
  metadata: {},
  ...fields,
});
const told = (etag: string, permissions = '{}'): DeliveryRecord => ({ etag, permissions, atMs: 5 });
const uncertain = uncertainRecord(told(E1), 'some call', 9);
const row = (delivery?: DeliveryRecord) => ledgerEntry(delivery === undefined ? {} : { delivery });
const on = { deletes: true };
const off = { deletes: false };
const BOTH = ['updatePermissions', 'saveToDisk'];

describe('planning a delivery', () => {
  // The rows of the table in core/delivery-plan.ts.
  it.each([
    ['object', 'this ETag, these permissions', row(told(E1)), head(), on, []],
    ['object', 'this ETag, others', row(told(E1, '{"mode":"0600"}')), head(), on, ['updatePermissions']],
    ['object', 'another ETag, these permissions', row(told(E2)), head(), on, ['saveToDisk']],
    ['object', 'another ETag, others', row(told(E2, '{"mode":"0600"}')), head(), on, BOTH],
    ['object', 'no file', row(told('', '{}')), head(), on, BOTH],
    ['object', 'no record', row(), head(), on, BOTH],
    ['object', 'no row', undefined, head(), on, BOTH],
    ['object', 'an uncertain record', row(uncertain), head(), on, BOTH],
    ['object', 'an uncertain record, no deletes', row(uncertain), head(), off, BOTH],
    ['nothing', 'no file', row(told('')), undefined, on, []],
    ['nothing', 'an ETag', row(told(E1)), undefined, on, ['delete']],
    ['nothing', 'an uncertain record', row(uncertain), undefined, on, ['delete']],
    ['nothing', 'no record, but a row', row(), undefined, on, ['delete']],
    ['nothing', 'no row', undefined, undefined, on, []],
    ['nothing', 'an ETag, no deletes', row(told(E1)), undefined, off, []],
    ['nothing', 'an uncertain record, no deletes', row(uncertain), undefined, off, []],
  ])(
    'of a key where the hub holds %s and the file manager has %s',
    (_hub, _has, entry, present, settings, ops) => {
      const { calls, reason } = planDelivery(entry, present, settings);
      expect(calls.map(({ op }) => op)).toEqual(ops);
      expect(reason).not.toBe('');
    },
  );

  it('ends with the hub’s ETag, or with no file', () => {
    expect(planDelivery(row(), head({ metadata: { mode: '100640', uid: '7' } }), on).after).toEqual({
      etag: E1,
      permissions: '{"mode":"0640","uid":7}',
    });
    expect(planDelivery(row(told(E1)), undefined, on).after).toEqual({ etag: '', permissions: '' });
  });

  it('tells the permissions of an event before those of the metadata', () => {
    const entry = ledgerEntry({ permissions: { json: '{"group":"staff"}', atMs: 1 } });
    const { calls } = planDelivery(entry, head({ metadata: { mode: '644' } }), on);
    expect(calls[0]).toEqual({ op: 'updatePermissions', permissions: '{"group":"staff"}' });
  });
});

describe('planning a rename', () => {
  const from = (delivery?: DeliveryRecord, present?: ObjectHead) => ({ entry: row(delivery), head: present });
  const to = (delivery?: DeliveryRecord, present: ObjectHead | undefined = head()) => ({
    entry: row(delivery),
    head: present,
  });

  it('tells of it when the file manager has the very content under a key that is gone', () => {
    expect(planRename(from(told(E1, '{"mode":"0600"}')), to(), on)).toEqual({
      rename: true,
      after: { etag: E1, permissions: '{"mode":"0600"}' },
    });
    const parts = `${E1}-2`;
    expect(planRename(from(told(parts)), to(told(E2), head({ etag: parts })), on)).toMatchObject({
      rename: true,
    });
  });

  it.each([
    ['deletes are not told', from(told(E1)), to(), off],
    ['the old key is there still', from(told(E1), head()), to(), on],
    ['the new key is gone again', from(told(E1)), { entry: row(), head: undefined }, on],
    ['the file manager has other content', from(told(E2)), to(), on],
    ['the file manager has nothing', from(told('')), to(), on],
    ['nobody knows what it has', from(uncertain), to(), on],
    ['it was never told', from(), to(), on],
    ['it has the new key already', from(told(E1)), to(told(E1)), on],
    ['an ETag does not stand for content', from(told('opaque')), to(undefined, head({ etag: 'opaque' })), on],
  ])('sends the content when %s', (_why, left, right, settings) => {
    expect(planRename(left, right, settings)).toMatchObject({ rename: false, reason: expect.any(String) });
  });
});

describe('the record of a call that is begun', () => {
  it('is uncertain, names its call, and differs from every earlier one', () => {
    const before = told(E1);
    const record = uncertainRecord(before, 'this call', 0);
    expect([isCertain(before), isCertain(record), isCertain(undefined)]).toEqual([true, false, false]);
    expect([isIntent(record, 'this call'), isIntent(record, 'another'), isIntent(before, '{}')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(record.atMs).toBe(6);
    expect(laterThan(undefined, 3)).toBe(3);
  });
});
