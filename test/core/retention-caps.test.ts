import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRuleCaps, firstPosition, nextPositions, rulesFor } from '#core/retention-caps.ts';
import type { RetentionRule } from '#core/settings/retention-rule.ts';

const rule = (name: string, maxRemovals = 2): RetentionRule => ({
  name,
  prefix: '',
  olderThan: 0,
  tags: {},
  requires: 'nothing',
  maxRemovals,
  dryRun: false,
});
const [a, b] = [rule('a'), rule('b')];

describe('the caps of a run', () => {
  it('reserve no more places than there are, and take back what was not used', () => {
    const caps = createRuleCaps();
    expect([caps.reserve(a), caps.reserve(a), caps.reserve(a)]).toEqual([true, true, false]);
    expect([caps.isFull(a), caps.isFull(b)]).toEqual([true, false]);
    caps.giveBack(a);
    expect(caps.reserve(a)).toBe(true);
  });
});

describe('the place where a rule goes on', () => {
  it('is the beginning unless every rule was further', () => {
    expect(firstPosition([a, b], {})).toBeUndefined();
    expect(firstPosition([a, b], { a: 'k' })).toBeUndefined();
    expect(firstPosition([a, b], { a: 'k', b: 'c' })).toBe('c');
  });

  it('leaves out the rules that have looked at a key before', () => {
    expect(rulesFor('k', [a, b], { a: 'k', b: 'j' })).toEqual([b]);
    expect(rulesFor('\u{1f600}', [a, b], { a: '\uffff' })).toEqual([a, b]);
  });

  it('is where it was capped, else where the time was over, else the beginning; never before where it was', () => {
    expect(nextPositions([a, b], {}, { a: 'c' }, undefined)).toEqual({ a: 'c' });
    expect(nextPositions([a, b], {}, { a: 'c' }, 'k')).toEqual({ a: 'c', b: 'k' });
    expect(nextPositions([a, b], { a: 'x' }, {}, 'k')).toEqual({ a: 'x', b: 'k' });
    expect(nextPositions([a, b], { a: 'x', b: 'y' }, {}, undefined)).toEqual({});
  });

  it('has every rule look at every key within some runs, however often it is capped or the time is over', () => {
    const keys = ['a', 'b', 'c', 'd', 'e', '\uffff', '\u{1f600}'];
    const stops = fc.array(fc.integer({ min: 1, max: keys.length }), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(stops, fc.integer({ min: 1, max: 3 }), (times, cap) => {
        const rules = [rule('a', cap), rule('b', cap + 1)];
        const seen = new Map(rules.map((one) => [one, new Set<string>()]));
        let after: Record<string, string> = {};
        for (const time of times) {
          const start = firstPosition(rules, after);
          const left = keys.slice(start === undefined ? 0 : keys.indexOf(start) + 1);
          const caps = createRuleCaps();
          const cappedAt: Record<string, string> = {};
          let last = start;
          for (const key of left.slice(0, time)) {
            for (const one of rulesFor(key, rules, after)) {
              if (caps.reserve(one)) seen.get(one)?.add(key);
              else if (last !== undefined) cappedAt[one.name] ??= last;
            }
            last = key;
          }
          after = nextPositions(rules, after, cappedAt, time < left.length ? last : undefined);
        }
        for (const one of rules) expect([...(seen.get(one) ?? [])].toSorted()).toEqual(keys.toSorted());
      }),
    );
  });
});
