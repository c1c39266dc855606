import { expect, it } from 'vitest';
import { gatheredLog } from '../../functions/gathered-log.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';

function world() {
  const { log, lines } = createMemoryLog();
  return { log: gatheredLog(log), lines };
}

it('says of all keys of a batch in one line what is the same of them, and of each what is not', () => {
  const { log, lines } = world();
  for (const key of ['a', 'b']) {
    log.info('mirror: copied', {
      key,
      destination: 'offsite',
      reason: 'lacks it',
      sizeBytes: key === 'a' ? 1 : 2,
    });
  }
  log.info('mirror: nothing', { key: 'c', destination: 'offsite', reason: 'up to date' });
  expect(lines).toEqual([]);
  log.flush();
  expect(lines).toEqual([
    {
      level: 'info',
      message: 'mirror: copied',
      count: 2,
      destination: 'offsite',
      reason: 'lacks it',
      objects: [
        { key: 'a', sizeBytes: 1 },
        { key: 'b', sizeBytes: 2 },
      ],
    },
    { level: 'info', message: 'mirror: nothing', key: 'c', destination: 'offsite', reason: 'up to date' },
  ]);
});

it('names a key as often as something was said of it', () => {
  const { log, lines } = world();
  for (let count = 0; count < 2; count++) log.info('ledger written', { key: 'same', revision: 1 });
  log.flush();
  expect(lines).toMatchObject([{ count: 2, revision: 1, objects: [{ key: 'same' }, { key: 'same' }] }]);
});

it('keeps what only some lines say', () => {
  const { log, lines } = world();
  log.info('delivered', { key: 'a' });
  log.info('delivered', { key: 'b', sizeBytes: 3 });
  log.flush();
  expect(lines[0]?.objects).toEqual([{ key: 'a' }, { key: 'b', sizeBytes: 3 }]);
});

it('lets failures, warnings and what is of no key wait for nothing', () => {
  const { log, lines } = world();
  log.info('ledger written', { key: 'a' });
  log.error('event failed', { key: 'b' });
  log.warn('mirror: delete held', { key: 'c' });
  log.info('test event ignored', { messageId: '1' });
  log.debug('event ignored', { key: 'd' });
  expect(lines.map(({ message }) => message)).toEqual([
    'event failed',
    'mirror: delete held',
    'test event ignored',
    'event ignored',
  ]);
});

it('writes no line that CloudWatch would cut, and loses no key', () => {
  const { log, lines } = world();
  const keys = Array.from({ length: 1000 }, (_, index) => `${index}/${'k'.repeat(1000)}`);
  for (const key of keys) log.info('ledger written', { key, revision: 1 });
  log.flush();
  expect(Math.max(...lines.map((line) => JSON.stringify(line).length))).toBeLessThan(100_000);
  expect(lines.flatMap(({ objects }) => (objects as { key: string }[]).map(({ key }) => key))).toEqual(keys);
});

it('writes nothing twice', () => {
  const { log, lines } = world();
  log.info('delivered', { key: 'a' });
  log.flush();
  log.flush();
  expect(lines).toHaveLength(1);
});
