import { expect, it, onTestFinished } from 'vitest';
import type { Cdn } from '#core/cdn.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { createInvalidator } from '../../edge-agent/invalidator.ts';
import { createLog } from '../../edge-agent/log.ts';

const HOUR_MS = 3_600_000;

/** What two runs of one agent have in common, and a CDN that remembers what it took, or refuses. */
function world(windowMs = HOUR_MS) {
  const notes = new Map<string, string>();
  const asked: { paths: readonly string[]; reference: string }[] = [];
  const refusals: SyncError[] = [];
  const said: string[] = [];
  const full: SyncError[] = [];
  const cdn: Cdn = {
    async invalidate(paths, reference) {
      asked.push({ paths, reference });
      const refusal = refusals.shift();
      if (refusal !== undefined) throw refusal;
    },
  };
  const start = () => {
    const invalidator = createInvalidator({
      cdn,
      index: {
        note: (name) => notes.get(name),
        setNote(name, value) {
          const failure = full.shift();
          if (failure !== undefined) throw failure;
          if (value === undefined) notes.delete(name);
          else notes.set(name, value);
        },
      },
      prefixes: ['up/', 'docs/'],
      windowMs,
      log: createLog({ level: 'DEBUG', format: 'readable', timezone: undefined }, (line) => said.push(line)),
      agent: 'host',
    });
    onTestFinished(() => invalidator.stop());
    return invalidator;
  };
  return { notes, asked, refusals, said, full, start };
}

const refusal = (code: string, retryable: boolean) =>
  new SyncError(`CreateInvalidation E1: ${code}`, { op: 'CreateInvalidation', retryable, code });

it('tells the changes of a window in one request, each key once', async () => {
  const { start, asked } = world(50);
  const invalidator = start();
  for (const key of ['up/a', 'up/b', 'up/a']) invalidator.changed(objectKey(key));
  await expect.poll(() => asked).toHaveLength(1);
  expect(asked[0]?.paths).toEqual(['/up/a', '/up/b']);
  expect(invalidator.view()).toEqual({ waiting: 0, lastError: '' });
});

it('tells the same change again in a later window: a reference that was used would be passed over', async () => {
  const { start, asked } = world(5);
  const invalidator = start();
  invalidator.changed(objectKey('up/a'));
  await expect.poll(() => asked).toHaveLength(1);
  await expect.poll(() => invalidator.view().waiting).toBe(0);
  invalidator.changed(objectKey('up/a'));
  await expect.poll(() => asked).toHaveLength(2);
  expect(asked[1]?.paths).toEqual(asked[0]?.paths);
  expect(asked[1]?.reference).not.toBe(asked[0]?.reference);
});

it('asks again with the same reference when it was refused or had no answer, and says why', async () => {
  const { start, asked, refusals, said } = world(5);
  refusals.push(refusal('TooManyInvalidationsInProgress', true));
  const invalidator = start();
  invalidator.changed(objectKey('up/a'));
  await expect.poll(() => invalidator.view().lastError).toContain('TooManyInvalidationsInProgress');
  expect(said.join('')).toContain('WARN  CreateInvalidation E1: TooManyInvalidationsInProgress attempts=1');
  invalidator.changed(objectKey('up/b'));
  await expect.poll(() => asked, { timeout: 5000 }).toHaveLength(3);
  expect(asked[1]).toEqual(asked[0]);
  expect(asked[2]?.paths).toEqual(['/up/b']);
  expect(invalidator.view().lastError).toBe('');
});

it('tells what it has when it is stopped, without waiting for the window', async () => {
  const { start, asked, notes } = world();
  const invalidator = start();
  invalidator.changed(objectKey('up/a'));
  expect(notes.size).toBe(1);
  await invalidator.stop();
  expect(asked.map(({ paths }) => paths)).toEqual([['/up/a']]);
  expect(notes.size).toBe(0);
});

it('tells at its end also what was collected behind a request that was refused', async () => {
  const { start, asked, refusals, notes } = world(5);
  refusals.push(refusal('ECONNREFUSED', true));
  const invalidator = start();
  invalidator.changed(objectKey('up/a'));
  await expect.poll(() => asked).toHaveLength(1);
  invalidator.changed(objectKey('up/b'));
  await invalidator.stop();
  expect(asked.slice(-2).map(({ paths }) => paths)).toEqual([['/up/a'], ['/up/b']]);
  expect(notes.size).toBe(0);
});

it('tells more than one request holds in several', async () => {
  const { start, asked } = world();
  const invalidator = start();
  for (let index = 0; index < 20; index++) invalidator.changed(objectKey(`up/${index}/a~`));
  await invalidator.stop();
  expect(asked.map(({ paths }) => paths.length)).toEqual([15, 5]);
  expect(invalidator.view().waiting).toBe(0);
});

it('after a crash invalidates the prefixes as a whole, and only once', async () => {
  const { start, asked, notes, said } = world();
  start().changed(objectKey('up/a'));
  expect(asked).toHaveLength(0);
  const second = start();
  await expect.poll(() => asked).toHaveLength(1);
  expect(asked[0]?.paths).toEqual(['/docs/*', '/up/*']);
  expect(said.join('')).toContain('the last run ended before the CDN was told');
  expect(notes.size).toBe(0);
  await second.stop();
  await start().stop();
  expect(asked).toHaveLength(1);
});

it('leaves what it could not tell at its end for the next start', async () => {
  const { start, asked, refusals, notes } = world();
  refusals.push(refusal('ECONNREFUSED', true));
  const first = start();
  first.changed(objectKey('up/a'));
  await first.stop();
  expect(notes.size).toBe(1);
  start();
  await expect.poll(() => asked).toHaveLength(2);
  expect(asked[1]?.paths).toEqual(['/docs/*', '/up/*']);
});

it('covers with the prefixes what the CDN does not take as a path', async () => {
  const { start, asked, refusals } = world(5);
  refusals.push(refusal('InvalidArgument', false));
  start().changed(objectKey('up/a'));
  await expect.poll(() => asked, { timeout: 5000 }).toHaveLength(2);
  expect(asked[1]?.paths).toEqual(['/docs/*', '/up/*']);
});

it('covers with the prefixes more keys than are worth remembering', async () => {
  const { start, asked } = world();
  const invalidator = start();
  for (let index = 0; index <= 50_001; index++) invalidator.changed(objectKey(`up/${index}`));
  expect(invalidator.view().waiting).toBe(2);
  await invalidator.stop();
  expect(asked.map(({ paths }) => paths)).toEqual([['/docs/*', '/up/*']]);
});

it('tells what a full disk kept from being noted, and notes it with the next change', async () => {
  const { start, asked, full, notes } = world(50);
  const invalidator = start();
  full.push(new SyncError('full', { op: 'index', retryable: true, code: 'IndexFull' }));
  expect(() => invalidator.changed(objectKey('up/a'))).toThrow('full');
  invalidator.changed(objectKey('up/b'));
  expect(notes.size).toBe(1);
  await expect.poll(() => asked).toHaveLength(1);
  expect(asked[0]?.paths).toEqual(['/up/a', '/up/b']);
  await expect.poll(() => notes.size).toBe(0);
});
