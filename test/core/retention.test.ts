import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { confirmRetention, decideRetention, missingTag } from '#core/retention.ts';
import type { RetentionRule } from '#core/settings/retention-rule.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';

const DAY_MS = 86_400_000;
const rule = (fields: Partial<RetentionRule> = {}): RetentionRule => ({
  name: 'old',
  prefix: '',
  olderThan: DAY_MS,
  tags: {},
  requires: 'nothing',
  maxRemovals: 10,
  dryRun: false,
  ...fields,
});
const delivered = (etag: string) => ({ etag, permissions: '', atMs: 0 });
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
    [
      'is delivered as it is',
      ledgerEntry({ delivery: delivered('etag-1') }),
      rule({ requires: 'delivered' }),
      'remove',
    ],
    [
      'is delivered as it was',
      ledgerEntry({ delivery: delivered('etag-0') }),
      rule({ requires: 'delivered' }),
      'keep',
    ],
    ['was never delivered', ledgerEntry(), rule({ requires: 'delivered' }), 'keep'],
    ['has the least size', ledgerEntry({ sizeBytes: 10 }), rule({ minBytes: 10 }), 'remove'],
    ['is a byte smaller', ledgerEntry({ sizeBytes: 9 }), rule({ minBytes: 10 }), 'keep'],
    ['has the greatest size', ledgerEntry({ sizeBytes: 10 }), rule({ maxBytes: 10 }), 'remove'],
    ['is a byte larger', ledgerEntry({ sizeBytes: 11 }), rule({ maxBytes: 10 }), 'keep'],
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

  it('names every rule that removes, the first one first, and why', () => {
    const [young, first, second] = [
      rule({ olderThan: 99 * DAY_MS }),
      rule({ name: 'x', tags: { scratch: 'yes' }, minBytes: 1 }),
      rule({ name: 'y' }),
    ];
    const entry = ledgerEntry({ eventTimeMs: 8 * DAY_MS });
    expect(decideRetention([young, first, second], entry, NOW_MS, [])).toEqual({
      remove: [
        { rule: first, reason: 'rule x: 2.0 days old and 1 bytes and tagged scratch=yes' },
        { rule: second, reason: 'rule y: 2.0 days old' },
      ],
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
      sizeBytes: fc.integer({ min: 0, max: 4 }),
      delivery: etags.map(delivered),
    });
    const rules = fc.array(
      fc.record({
        prefix: fc.constantFrom('', 'a', 'a/'),
        olderThan: fc.integer({ min: 0, max: 12 }).map((days) => days * DAY_MS),
        requires: fc.constantFrom('nothing' as const, 'mirrored' as const, 'delivered' as const),
        minBytes: fc.integer({ min: 0, max: 4 }),
        maxBytes: fc.integer({ min: 0, max: 4 }),
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
            entry.sizeBytes >= one.minBytes &&
            entry.sizeBytes <= one.maxBytes &&
            (one.requires === 'nothing' ||
              (one.requires === 'delivered' && fields.delivery.etag === fields.etag) ||
              (one.requires === 'mirrored' &&
                destinations.length > 0 &&
                destinations.every((name) => fields.mirrors[name]?.sourceEtag === fields.etag))),
        );
        const all = some.map((one, index) => rule({ name: `r${index}`, ...one }));
        expect('remove' in decideRetention(all, entry, NOW_MS, destinations)).toBe(naive);
      }),
    );
  });
});

describe('the confirmation by HEAD', () => {
  const head = { key: objectKey('k'), sizeBytes: 1, etag: 'etag-1', lastModifiedMs: 1, metadata: {} };
  it.each([
    ['nothing when it is what the ledger knows', head, undefined],
    ['that it is gone', undefined, 'it is gone already'],
    ['that it is another', { ...head, etag: 'x' }, 'the object is not the one that the ledger knows'],
    [
      'that it has another size',
      { ...head, sizeBytes: 2 },
      'the object is not the one that the ledger knows',
    ],
    [
      'that nobody knows its age',
      { ...head, lastModifiedMs: 0 },
      'the store does not say when it was written',
    ],
    ['that it was written again', { ...head, lastModifiedMs: NOW_MS }, 'it was written again since'],
  ])('objects %s', (_what, answer, objection) => {
    expect(confirmRetention(rule(), ledgerEntry(), answer, NOW_MS, [])).toBe(objection);
  });

  it.each([
    ['after it was written', { one: 500, two: 500 }, undefined],
    ['by one before it was written', { one: 500, two: 499 }, 'written again after two had confirmed it'],
    ['by one of them never', { one: 500 }, 'written again after two had confirmed it'],
  ])('where it must be mirrored, and was confirmed %s', (_when, times, objection) => {
    const entries = Object.entries(times).map(([name, atMs]) => [name, { sourceEtag: 'etag-1', atMs }]);
    const entry = ledgerEntry({ mirrors: Object.fromEntries(entries) });
    const written = { ...head, lastModifiedMs: 500 };
    const mirrored = rule({ requires: 'mirrored', olderThan: 0 });
    expect(confirmRetention(mirrored, entry, written, NOW_MS, ['one', 'two'])).toBe(objection);
    expect(confirmRetention(rule({ olderThan: 0 }), entry, written, NOW_MS, ['one', 'two'])).toBeUndefined();
  });
});

describe('the tags of an object', () => {
  it.each([
    ['all of them', { a: '1', b: '2', c: '3' }, undefined],
    ['one with another value', { a: '1', b: '3' }, 'it does not carry the tag b=2'],
    ['one of them', { a: '1' }, 'it does not carry the tag b=2'],
    ['none', {}, 'it does not carry the tag a=1'],
  ])('are looked at when it carries %s', (_what, tags, objection) => {
    expect(missingTag(rule({ tags: { a: '1', b: '2' } }), tags)).toBe(objection);
  });
});
