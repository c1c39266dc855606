import { describe, expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { lookMessages } from '#core/look-message.ts';
import type { Setback } from '#core/redelivery.ts';
import { type KeyHandler, processBatch } from '../../functions/sqs-batch.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { s3Body, sqsEvent } from '../doubles/s3-event.ts';

function run(
  bodies: readonly string[],
  handle: KeyHandler,
  remainingMs = 60_000,
  finish: () => Promise<void> = async () => undefined,
) {
  const { log, lines } = createMemoryLog();
  const released: [string, Setback][] = [];
  const release = async ({ messageId }: { messageId: string }, setback: Setback) => {
    released.push([messageId, setback]);
  };
  const ports = { log, bucket: 'hub', remainingMs: () => remainingMs, release };
  const answer = processBatch(sqsEvent(bodies), ports, { keysAtOnce: 4, reserveMs: 1_000, finish }, handle);
  return answer.then(({ batchItemFailures }) => ({
    failed: batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    released,
    lines,
  }));
}

const failure = (retryable: boolean) => new SyncError('no', { op: 'test', key: 'bad', retryable });

describe('a batch of messages', () => {
  it('answers no failure when all is done, and none for a test event', async () => {
    const seen: string[] = [];
    const bodies = [s3Body({ key: 'a' }), '{"Event":"s3:TestEvent"}', s3Body({ key: 'b' })];
    const { failed } = await run(bodies, async (key) => {
      seen.push(key);
    });
    expect(failed).toEqual([]);
    expect(seen).toEqual(['a', 'b']);
  });

  it('gives each key once, with its events in the order of the messages', async () => {
    const seen: Record<string, string[]> = {};
    const bodies = ['1', '2', '3'].flatMap((etag) => [
      s3Body({ key: 'a', etag }),
      s3Body({ key: 'b', etag }),
    ]);
    await run(bodies, async (key, events) => {
      seen[key] = events.map(({ etag }) => etag);
    });
    expect(seen).toEqual({ a: ['1', '2', '3'], b: ['1', '2', '3'] });
  });

  it('fails the poison message only, names it in the log, and sends it on without delay', async () => {
    const bodies = [s3Body({ key: 'a' }), 'poison', s3Body({ key: 'b' })];
    const { failed, released, lines } = await run(bodies, async () => undefined);
    expect(failed).toEqual(['message-1']);
    expect(released).toEqual([['message-1', 'hopeless']]);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'message refused', messageId: 'message-1' }),
    );
  });

  it('refuses events of another bucket, naming it', async () => {
    const { failed, lines } = await run([s3Body({ key: 'a', bucket: 'elsewhere' })], async () => undefined);
    expect(failed).toEqual(['message-0']);
    expect(String(lines[0]?.error)).toContain('bucket elsewhere, the hub is hub');
  });

  it.each([true, false])(
    'fails every message of a key whose work fails (retryable %s)',
    async (retryable) => {
      const bodies = [s3Body({ key: 'bad' }), s3Body({ key: 'good' }), s3Body({ key: 'bad' })];
      const { failed, released, lines } = await run(bodies, async (key) => {
        if (key === 'bad') throw failure(retryable);
      });
      expect(failed).toEqual(['message-0', 'message-2']);
      const setback = retryable ? 'failed' : 'hopeless';
      expect(released.map(([, why]) => why)).toEqual([setback, setback]);
      expect(lines).toContainEqual(expect.objectContaining({ message: 'event failed', key: 'bad' }));
    },
  );

  it('fails a message once although two of its keys fail', async () => {
    const body = JSON.stringify({
      Records: ['a', 'b'].flatMap((key) => JSON.parse(s3Body({ key })).Records),
    });
    const { failed } = await run([body], async () => {
      throw new Error('unforeseen');
    });
    expect(failed).toEqual(['message-0']);
  });

  it('passes over keys that are reserved, says so at DEBUG, and goes on with the rest of the message', async () => {
    const seen: string[] = [];
    const keys = ['.sluice/owners/output/', 'output/.sluice-probe-1', 'output/a'];
    const body = JSON.stringify({ Records: keys.flatMap((key) => JSON.parse(s3Body({ key })).Records) });
    const { failed, lines } = await run([body], async (key) => {
      seen.push(key);
    });
    expect(failed).toEqual([]);
    expect(seen).toEqual(['output/a']);
    expect(lines.filter(({ level }) => level === 'debug').map(({ key }) => key)).toEqual(keys.slice(0, 2));
  });

  it('begins nothing that the time does not suffice for', async () => {
    const { failed, lines } = await run([s3Body({ key: 'a' })], async () => undefined, 999);
    expect(failed).toEqual(['message-0']);
    expect(lines[0]).toMatchObject({ code: 'OutOfTime', key: 'a' });
  });

  it('fails as a whole when it cannot be finished, the poison in it for good', async () => {
    const done: string[] = [];
    const { failed, released } = await run(
      [s3Body({ key: 'a' }), 'poison', s3Body({ key: 'b' })],
      async (key) => void done.push(key),
      60_000,
      async () => {
        expect(done).toEqual(['a', 'b']);
        throw failure(true);
      },
    );
    expect(failed.sort()).toEqual(['message-0', 'message-1', 'message-2']);
    expect(new Map(released)).toEqual(
      new Map([
        ['message-0', 'failed'],
        ['message-1', 'hopeless'],
        ['message-2', 'failed'],
      ]),
    );
  });

  it('takes requests to look and customers’ events as well', async () => {
    const seen: string[] = [];
    const customer = {
      version: 1,
      id: 'i',
      type: 'rename',
      key: 'b',
      newKey: 'c',
      time: '2026-01-02T03:04:05Z',
    };
    const bodies = [...lookMessages([{ key: objectKey('a'), reason: 'test' }]), JSON.stringify(customer)];
    const { failed } = await run(bodies, async (key) => void seen.push(key));
    expect([failed, seen]).toEqual([[], ['a', 'b', 'c']]);
  });
});
