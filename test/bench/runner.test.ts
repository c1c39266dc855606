import { expect, test } from 'vitest';
import type { Bench } from './bench.ts';
import { type Contender, runCase } from './runner.ts';

const bench = { say: () => {} } as unknown as Bench;

function caseOf(contenders: Contender[]) {
  return { name: 'small-sink', what: '', contenders: async () => contenders };
}

test('contenders take turns, so that what else the machine does hits all alike', async () => {
  const order: string[] = [];
  const contender = (name: string, runs?: number): Contender => ({
    name,
    ...(runs === undefined ? {} : { runs }),
    async run() {
      order.push(name);
      return { seconds: 1, objects: 10 };
    },
  });
  const lines = await runCase(bench, caseOf([contender('a'), contender('b'), contender('slow', 1)]), 3);
  expect(order.join(' ')).toBe('a b slow a b a b');
  expect(lines.map(({ contender: name, runs }) => [name, runs])).toEqual([
    ['a', 3],
    ['b', 3],
    ['slow', 1],
  ]);
});

test('a contender that fails once has failed, and the others go on', async () => {
  let tries = 0;
  const failing: Contender = {
    name: 'a',
    async run() {
      if (++tries === 2) throw new Error('9 of 10 objects are in the store');
      return { seconds: 1 };
    },
  };
  const lines = await runCase(bench, caseOf([failing, { name: 'b', run: async () => ({ seconds: 2 }) }]), 4);
  expect(tries).toBe(2);
  expect(lines[0]).toMatchObject({ contender: 'a', runs: 0, failed: '9 of 10 objects are in the store' });
  expect(lines[1]).toMatchObject({ contender: 'b', runs: 4, seconds: 2 });
});

test('a case that cannot be prepared is a failure of ours', async () => {
  const broken = { name: 'idle', what: '', contenders: async () => Promise.reject(new Error('no Go')) };
  expect(await runCase(bench, broken, 1)).toMatchObject([{ contender: 'sluice', failed: 'no Go' }]);
});
