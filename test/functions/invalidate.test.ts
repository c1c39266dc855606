import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { coveredBy } from '#core/invalidation.ts';
import { objectKey } from '#core/key.ts';
import type { Metric } from '#core/names.ts';
import type { Setback } from '#core/redelivery.ts';
import { invalidateBatch } from '../../functions/invalidate.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { s3Body, sqsEvent } from '../doubles/s3-event.ts';

const encodedKey = (key: string) => encodeURIComponent(key).replaceAll('%20', '+');
const error = (code: string, retryable = false) =>
  new SyncError(code, { op: 'CreateInvalidation', retryable, code });

/** A distribution that takes everything but what `refuses` names. */
function distribution(refuses: (paths: readonly string[]) => SyncError | undefined = () => undefined) {
  const asked: { paths: readonly string[]; reference: string }[] = [];
  const taken: string[] = [];
  const metrics: Partial<Record<Metric, number>> = {};
  const { log, lines } = createMemoryLog();
  const released: [string, Setback][] = [];
  const ports = {
    log,
    bucket: 'hub',
    remainingMs: () => 60_000,
    release: async ({ messageId }: { messageId: string }, setback: Setback) => {
      released.push([messageId, setback]);
    },
    metrics: {
      add: (metric: Metric, value: number) => {
        metrics[metric] = (metrics[metric] ?? 0) + value;
      },
      flush: () => undefined,
    },
    cdn: {
      async invalidate(paths: readonly string[], reference: string) {
        asked.push({ paths, reference });
        const refusal = refuses(paths);
        if (refusal !== undefined) throw refusal;
        taken.push(...paths);
      },
    },
  };
  const send = async (bodies: readonly string[], remainingMs = 60_000) => {
    const answer = await invalidateBatch(sqsEvent(bodies), { ...ports, remainingMs: () => remainingMs });
    return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  };
  return { send, asked, taken, metrics, lines, released };
}

const created = (key: string) => s3Body({ key: encodedKey(key) });

describe('a window of changes', () => {
  it('is one invalidation of the paths that changed, each named once', async () => {
    const { send, asked, metrics } = distribution();
    expect(await send([created('a b'), created('c/d'), created('a b')])).toEqual([]);
    expect(asked.map(({ paths }) => paths)).toEqual([['/a%20b', '/c/d']]);
    expect(metrics).toMatchObject({ Invalidations: 1, InvalidatedPaths: 2 });
  });

  it('has what was removed and what somebody asks to look at, but no tags, and nothing of Sluice itself', async () => {
    const { send, asked } = distribution();
    const look = JSON.stringify({ sluice: 'look', version: 1, looks: [{ key: 'looked', reason: 'test' }] });
    await send([
      s3Body({ key: 'removed', name: 'ObjectRemoved:Delete' }),
      look,
      s3Body({ key: 'tagged', name: 'ObjectTagging:Put' }),
      created('.sluice/agents/a/heartbeat.json'),
    ]);
    expect(asked.map(({ paths }) => paths)).toEqual([['/looked', '/removed']]);
  });

  it('asks for nothing when nothing that is served has changed', async () => {
    const { send, asked } = distribution();
    expect(await send([s3Body({ key: 'a', name: 'ObjectAcl:Put' }), '{"Event":"s3:TestEvent"}'])).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('has one reference when it comes again, and another one for another change of the same key', async () => {
    const { send, asked } = distribution();
    await send([created('a')]);
    await send([created('a')]);
    await send([created('b'), created('a')]);
    await send(['{"Event":"s3:TestEvent"}', created('a')]);
    const references = asked.map(({ reference }) => reference);
    expect(references[1]).toBe(references[0]);
    expect(new Set(references).size).toBe(3);
  });

  it('fails the poison message only', async () => {
    const { send, taken, released } = distribution();
    expect(await send([created('a'), 'poison'])).toEqual(['message-1']);
    expect(released).toEqual([['message-1', 'hopeless']]);
    expect(taken).toEqual(['/a']);
  });
});

describe('what the CDN does not take', () => {
  it.each([
    ['TooManyInvalidationsInProgress', true],
    ['AccessDenied', false],
  ])('comes again as a whole, asked for once: %s', async (code, retryable) => {
    const { send, asked, released, metrics } = distribution(() => error(code, retryable));
    const bodies = Array.from({ length: 20 }, (_, index) => created(`d${index}/a~b`));
    expect(await send(bodies)).toHaveLength(20);
    expect(asked).toHaveLength(1);
    expect(new Set(released.map(([, why]) => why))).toEqual(new Set([retryable ? 'failed' : 'hopeless']));
    expect(metrics).toEqual({ EventsFailed: 20 });
  });

  it('comes again alone when the batch before was taken', async () => {
    let calls = 0;
    const { send, taken } = distribution(() =>
      ++calls > 1 ? error('TooManyInvalidationsInProgress', true) : undefined,
    );
    const bodies = Array.from({ length: 20 }, (_, index) =>
      created(`d${String(index).padStart(2, '0')}/a~b`),
    );
    expect(await send(bodies)).toEqual(['15', '16', '17', '18', '19'].map((id) => `message-${id}`));
    expect(taken).toHaveLength(15);
  });

  it('is looked for among the paths, and its directory is invalidated in its place', async () => {
    const bad = '/bad/7';
    const { send, taken, lines } = distribution((paths) =>
      paths.includes(bad) ? error('InvalidArgument') : undefined,
    );
    const keys = ['a/1', 'a/2', 'bad/7', 'c/3', 'c/4', 'c/5'];
    expect(await send(keys.map(created))).toEqual([]);
    expect(taken.toSorted()).toEqual(['/a/1', '/a/2', '/bad/*', '/c/3', '/c/4', '/c/5']);
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'path refused: its directory is invalidated', path: bad }),
    );
  });

  it('fails alone when its directory is refused as well', async () => {
    const { send, taken, released } = distribution((paths) =>
      paths.some((path) => path.startsWith('/bad/')) ? error('InvalidArgument') : undefined,
    );
    expect(await send(['a/1', 'bad/7', 'c/3'].map(created))).toEqual(['message-1']);
    expect(released).toEqual([['message-1', 'hopeless']]);
    expect(taken.toSorted()).toEqual(['/a/1', '/c/3']);
  });

  it('is not begun when no time is left', async () => {
    const { send, asked } = distribution();
    expect(await send([created('a')], 1_000)).toEqual(['message-0']);
    expect(asked).toEqual([]);
  });

  it('is exactly the messages that have a key without a taken path, whatever is refused', async () => {
    const name = fc.constantFrom('a', 'b', 'c~d', 'é', '');
    const key = fc
      .array(name, { minLength: 1, maxLength: 3 })
      .map((names) => names.join('/'))
      .filter((text) => text !== '');
    await fc.assert(
      fc.asyncProperty(
        fc.array(key, { maxLength: 40 }),
        fc.constantFrom('/a', '/b', '/c', '/'),
        async (keys, bad) => {
          const { send, taken } = distribution((paths) =>
            paths.some((path) => path.startsWith(bad)) ? error('InvalidArgument') : undefined,
          );
          const failed = await send(keys.map(created));
          const isTaken = coveredBy(taken);
          const expected = keys.flatMap((one, index) =>
            isTaken(objectKey(one)) ? [] : [`message-${index}`],
          );
          expect(failed.toSorted()).toEqual(expected.toSorted());
          for (const path of taken) expect(path.startsWith(bad)).toBe(false);
        },
      ),
    );
  });
});
