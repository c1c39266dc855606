import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ledgerShard } from '#core/ledger-shard.ts';
import { LEDGER_SHARDS } from '#core/names.ts';
import { redeliveryDelaySec } from '#core/redelivery.ts';

describe('the delay before a failed message comes again', () => {
  it.each([
    [false, 1, 0.9, 0],
    [true, 1, 0, 5],
    [true, 1, 0.999_999, 10],
    [true, 2, 0, 20],
    [true, 3, 0, 80],
    [true, 12, 0.999_999, 3600],
  ])('retryable %s, delivery %i, chance %d: %i s', (retryable, receiveCount, random, delaySec) => {
    expect(redeliveryDelaySec(retryable, receiveCount, random)).toBe(delaySec);
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
