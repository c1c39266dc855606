import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { confirmRetention, decideRetention } from '#core/retention.ts';
import type { RetentionRule } from '#core/settings/deployment.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';

const DAY_MS = 86_400_000;
const rule = (fields: Partial<RetentionRule> = {}): RetentionRule => ({
  name: 'old',
  prefix: '',
  olderThan: DAY_MS,
  requires: 'nothing',
  maxRemovals: 10,
  dryRun: false,
  ...fields,
});
const mirrored = (etag: string) => ({ one: { sourceEtag: etag, atMs: 0 } });
const NOW_MS = 10 * DAY_MS;

describe('the decision about one entry', () => {
  it.each([
    ['is as old as the rule says', ledgerEntry({ eventTimeMs: 9 * DAY_MS }), rule(), 'remove'],
    ['is a millisecond younger', ledgerEntry({ eventTimeMs: 9 * DAY_MS + 1 }), rule(), 'keep'],
    ['is from the future', ledgerEntry({ eventTimeMs: 99 * DAY_MS }), rule(), 'keep'],
    ['is below the prefix', ledgerEntry({ key: 'a/b' }), rule({ prefix: 'a/' }), 'remove'],
    ['is beside the prefix', ledgerEntry({ key: 'ab' }), rule({ prefix: 'a/' }), 'keep'],
    ['is a tombstone', ledgerEntry({ state: 'deleted' }), rule(), 'keep'],
    ['is reserved', ledgerEntry({ key: '.sluice/owners/a' }), rule(), 'keep'],
    ['is a probe', ledgerEntry({ key: 'a/.sluice-probe-1' }), rule({ prefix: 'a/' }), 'keep'],
    ['is known from a mirror only', ledgerEntry({ state: 'unknown' }), rule(), 'keep'],
    [
      'is mirrored as it is',
      ledgerEntry({ mirrors: mirrored('etag-1') }),
      rule({ requires: 'mirrored' }),
      'remove',
    ],
    [
      'is mirrored as it was',
      ledgerEntry({ mirrors: mirrored('etag-0') }),
      rule({ requires: 'mirrored' }),
      'keep',
    ],
    ['is gone at the mirror', ledgerEntry({ mirrors: mirrored('') }), rule({ requires: 'mirrored' }), 'keep'],
    ['was never mirrored', ledgerEntry(), rule({ requires: 'mirrored' }), 'keep'],
  ])('that %s', (_what, entry, one, answer) => {
    expect(decideRetention([one], entry, NOW_MS, ['one'])).toHaveProperty(answer);
  });

  it('keeps what must be mirrored when one of the destinations has not confirmed, or there is none', () => {
    const entry = ledgerEntry({ mirrors: mirrored('etag-1') });
    const rules = [rule({ requires: 'mirrored' })];
    expect(decideRetention(rules, entry, NOW_MS, ['one', 'two'])).toEqual({
      keep: 'rule old: not confirmed by two',
    });
    expect(decideRetention(rules, entry, NOW_MS, [])).toHaveProperty('keep');
  });

  it('is of the first rule that removes, and of none when there is none', () => {
    const [young, first, second] = [
      rule({ olderThan: 99 * DAY_MS }),
      rule({ name: 'x' }),
      rule({ name: 'y' }),
    ];
    expect(decideRetention([young, first, second], ledgerEntry(), NOW_MS, [])).toMatchObject({
      remove: first,
    });
    expect(decideRetention([], ledgerEntry(), NOW_MS, [])).toEqual({ keep: 'no rule' });
  });

  it('removes exactly what a naive reading of the rules removes', () => {
    const etags = fc.constantFrom('', 'a', 'b');
    const entries = fc.record({
      key: fc.constantFrom('a', 'a/b', 'ab', 'b/a'),
      state: fc.constantFrom('present' as const, 'deleted' as const, 'unknown' as const),
      etag: fc.constantFrom('a', 'b'),
      eventTimeMs: fc.integer({ min: 0, max: 12 }).map((days) => days * DAY_MS),
      mirrors: fc.dictionary(
        fc.constantFrom('one', 'two'),
        etags.map((sourceEtag) => ({ sourceEtag, atMs: 0 })),
      ),
    });
    const rules = fc.array(
      fc.record({
        prefix: fc.constantFrom('', 'a', 'a/'),
        olderThan: fc.integer({ min: 0, max: 12 }).map((days) => days * DAY_MS),
        requires: fc.constantFrom('nothing' as const, 'mirrored' as const),
      }),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(entries, rules, fc.subarray(['one', 'two']), (fields, some, destinations) => {
        const entry = ledgerEntry(fields);
        const naive = some.some(
          (one) =>
            entry.state === 'present' &&
            entry.key.startsWith(one.prefix) &&
            entry.eventTimeMs + one.olderThan <= NOW_MS &&
            (one.requires === 'nothing' ||
              (destinations.length > 0 &&
                destinations.every((name) => fields.mirrors[name]?.sourceEtag === fields.etag))),
        );
        const all = some.map((one, index) => rule({ name: `r${index}`, ...one }));
        expect('remove' in decideRetention(all, entry, NOW_MS, destinations)).toBe(naive);
      }),
    );
  });
});

describe('the confirmation by HEAD', () => {
  const head = { key: objectKey('k'), sizeBytes: 1, etag: 'etag-1', lastModifiedMs: 0, metadata: {} };
  it.each([
    ['nothing when it is what the ledger knows', head, undefined],
    ['that it is gone', undefined, 'it is gone already'],
    ['that it is another', { ...head, etag: 'x' }, 'the object is not the one that the ledger knows'],
    ['that it was written again', { ...head, lastModifiedMs: NOW_MS }, 'it was written again since'],
  ])('objects %s', (_what, answer, objection) => {
    expect(confirmRetention(rule(), ledgerEntry(), answer, NOW_MS)).toBe(objection);
  });
});
