import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FILE_MANAGER_BREAKER } from '#core/breaker.ts';
import { ledgerShard } from '#core/ledger-shard.ts';
import { LEDGER_SHARDS } from '#core/names.ts';
import { graverSetback, isWornOut, MAX_RECEIVES, redeliveryDelaySec } from '#core/redelivery.ts';

describe('the delay before a failed message comes again', () => {
  it.each([
    ['hopeless', 1, 0.9, 0],
    ['failed', 1, 0, 5],
    ['failed', 1, 0.999_999, 10],
    ['failed', 2, 0, 20],
    ['failed', 3, 0, 80],
    ['failed', 12, 0.999_999, 3600],
    ['outage', 1, 0, 30],
    ['outage', 1, 0.999_999, 60],
    ['outage', 3, 0.999_999, 240],
    ['outage', 12, 0, 150],
    ['outage', 12, 0.999_999, 300],
  ] as const)('%s, delivery %i, chance %d: %i s', (setback, receiveCount, random, delaySec) => {
    expect(redeliveryDelaySec(setback, receiveCount, random)).toBe(delaySec);
  });
});

it('is past the cool-down of the breaker, and never late by more than 5 minutes, in an outage', () => {
  for (let receiveCount = 1; receiveCount <= MAX_RECEIVES; receiveCount++) {
    expect(redeliveryDelaySec('outage', receiveCount, 0) * 1000).toBeGreaterThanOrEqual(
      FILE_MANAGER_BREAKER.coolDownMs,
    );
    expect(redeliveryDelaySec('outage', receiveCount, 0.999_999)).toBeLessThanOrEqual(300);
  }
});

describe('a message that waits for the end of an outage', () => {
  it.each([
    ['outage', MAX_RECEIVES - 3, false],
    ['outage', MAX_RECEIVES - 2, true],
    ['outage', MAX_RECEIVES, true],
    ['failed', MAX_RECEIVES, false],
    ['hopeless', MAX_RECEIVES, false],
  ] as const)('%s, delivery %i: worn out %s', (setback, receiveCount, wornOut) => {
    expect(isWornOut(setback, receiveCount)).toBe(wornOut);
  });

  it.each([
    ['outage', 'failed', 'failed'],
    ['outage', 'hopeless', 'hopeless'],
    ['failed', 'hopeless', 'hopeless'],
    ['outage', 'outage', 'outage'],
  ] as const)('%s and %s: %s, in either order', (one, other, both) => {
    expect([graverSetback(one, other), graverSetback(other, one)]).toEqual([both, both]);
  });
});

describe('the shard of a key', () => {
  it('never changes: rows would be lost', () => {
    expect(['', 'a', 'dir/file.txt', 'ünï/😀'].map(ledgerShard)).toMatchInlineSnapshot(`
      [
        25,
        32,
        14,
        11,
      ]
    `);
  });

  it('is one of the shards, and numbered keys spread over all of them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        const shard = ledgerShard(key);
        expect(Number.isInteger(shard) && shard >= 0 && shard < LEDGER_SHARDS).toBe(true);
      }),
    );
    const counts = new Array<number>(LEDGER_SHARDS).fill(0);
    for (let index = 0; index < 6400; index++) {
      const shard = ledgerShard(`output/2026/file-${index}.dat`);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(50);
    expect(Math.max(...counts)).toBeLessThan(200);
  });
});
