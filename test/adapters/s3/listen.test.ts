/** What MinIO's endless answer means, on a server that writes it as MinIO does (before October 2025 and after). */
import type { ServerResponse } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { type ListenState, listenToBucket } from '#adapters/s3/listen.ts';
import { type Answer, errorAnswer, serveHttp } from './scripted-server.ts';

const PING = '{"Records":null}\n';
const STREAM = { 'content-type': 'text/event-stream' };

/** As MinIO wrote it for a PUT of `a b+ü.txt`, shortened. */
function event(name: string, key: string): string {
  return `${JSON.stringify({
    Records: [
      {
        eventVersion: '2.0',
        eventSource: 'minio:s3',
        awsRegion: '',
        eventTime: '2026-11-21T19:43:46.100Z',
        eventName: name,
        userIdentity: { principalId: 'sluice' },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: 'Config',
          bucket: { name: 'b', ownerIdentity: { principalId: 'sluice' }, arn: 'arn:aws:s3:::b' },
          object: { key, size: 1, eTag: '9dd4e461268c8034f5c8564e155c67a6', sequencer: '18799F8C8D4E2C1B' },
        },
      },
    ],
  })}\n`;
}

async function listening(answer: Answer) {
  const { endpoint, seen } = await serveHttp(answer);
  const states: ListenState[] = [];
  const keys: string[] = [];
  const listener = listenToBucket(
    {
      bucket: 'b',
      region: 'us-east-1',
      endpoint,
      addressing: 'path',
      credentials: fixedCredentials({ accessKeyId: 'a', secretAccessKey: 's' }),
    },
    'dir/',
    {
      onEvents: (events) => keys.push(...events.map(({ kind, key }) => `${kind} ${key}`)),
      onState: (state) => states.push(state),
    },
    () => 0,
  );
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= listener.stop();
    return stopped;
  };
  onTestFinished(stop);
  return { seen, states, keys, stop };
}

it('tells of changes as they come, and that it listens before the first of them', async () => {
  let answer: ServerResponse | undefined;
  const { seen, states, keys } = await listening((response) => {
    answer = response;
    response.writeHead(200, STREAM);
    response.write(PING);
  });
  await expect.poll(() => states).toEqual([{ now: 'listening' }]);
  const [put, removed] = [
    event('s3:ObjectCreated:Put', 'a+b%2B%C3%BC.txt'),
    event('s3:ObjectRemoved:Delete', 'x'),
  ];
  // Lines do not come in whole chunks.
  answer?.write(put.slice(0, 50));
  answer?.write(put.slice(50) + removed + PING);
  await expect.poll(() => keys).toEqual(['created a b+ü.txt', 'removed x']);
  expect(seen[0]?.url).toBe(
    '/b/?events=s3%3AObjectCreated%3A%2A&events=s3%3AObjectRemoved%3A%2A&ping=2&prefix=dir%2F&suffix=',
  );
  expect(seen[0]?.headers.authorization).toContain('AWS4-HMAC-SHA256');
});

it('listens again after the connection has ended, and says so, because of what was not told meanwhile', async () => {
  let connections = 0;
  const { states } = await listening((response) => {
    connections++;
    response.writeHead(200, STREAM);
    if (connections === 1) response.end(PING);
    else response.write(PING);
  });
  await expect
    .poll(() => states.map(({ now }) => now), { timeout: 10_000 })
    .toEqual(['listening', 'away', 'listening']);
});

it('breaks off where a line is not JSON: what it told is not known', async () => {
  const { states } = await listening((response) => response.writeHead(200, STREAM).write('<html>\n'));
  await expect
    .poll(() => states.slice(0, 2))
    .toMatchObject([{ now: 'listening' }, { now: 'away', error: { code: 'BadNotification' } }]);
});

it('asks a store no more that takes the request for a listing', async () => {
  const { seen, states } = await listening((response) =>
    response.writeHead(200, { 'content-type': 'application/xml' }).end('<ListBucketResult/>'),
  );
  await expect.poll(() => states).toEqual([{ now: 'unsupported', reason: expect.any(String) }]);
  expect(seen).toHaveLength(1);
});

it('asks a store no more that says that it does not know the request', async () => {
  const { seen, states } = await listening(errorAnswer(501, 'NotImplemented'));
  await expect.poll(() => states).toMatchObject([{ now: 'unsupported' }]);
  expect(seen).toHaveLength(1);
});

it('asks again where it was refused, which a policy may change', async () => {
  const { states } = await listening(errorAnswer(403, 'AccessDenied'));
  await expect.poll(() => states[0]).toMatchObject({ now: 'away', error: { code: 'AccessDenied' } });
});

it('stops at once within an answer that has no end', async () => {
  const { states, stop } = await listening((response) => response.writeHead(200, STREAM).write(PING));
  await expect.poll(() => states).toHaveLength(1);
  await stop();
  expect(states).toHaveLength(1);
});
