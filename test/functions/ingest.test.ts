import type { LambdaFunctionURLEvent } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import type { Metric } from '#core/names.ts';
import { parseS3Event } from '#core/s3-event.ts';
import { ingest } from '../../functions/ingest.ts';
import { MAX_MESSAGE_BYTES } from '../../functions/ingest-messages.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { s3Body, s3Record } from '../doubles/s3-event.ts';

const TOKEN = 'a-very-secret-token';

function setup(publish?: (messages: readonly string[]) => Promise<void>) {
  const published: string[] = [];
  const counts: Partial<Record<Metric, number>> = {};
  const { log, lines } = createMemoryLog();
  const ports = {
    authorized: async (header: string | undefined) => header === `Bearer ${TOKEN}`,
    topic: {
      publish:
        publish ??
        (async (messages: readonly string[]) => {
          published.push(...messages);
        }),
    },
    bucket: 'hub',
    log,
    metrics: {
      add: (metric: Metric, value: number) => {
        counts[metric] = (counts[metric] ?? 0) + value;
      },
      flush: () => {},
    },
  };
  return {
    published,
    counts,
    lines,
    async send(body: string, change: Partial<RequestFields> = {}) {
      const answer = await ingest(request(body, change), ports);
      return { ...answer, json: JSON.parse(answer.body) as { accepted?: number; error?: string } };
    },
  };
}

interface RequestFields {
  method: string;
  headers: Record<string, string>;
  isBase64Encoded: boolean;
}

function request(body: string, change: Partial<RequestFields>): LambdaFunctionURLEvent {
  const { method = 'POST', isBase64Encoded = false } = change;
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...change.headers };
  // Only these fields are read.
  return {
    version: '2.0',
    headers,
    body,
    isBase64Encoded,
    requestContext: { http: { method, sourceIp: '192.0.2.1' } },
  } as unknown as LambdaFunctionURLEvent;
}

/** As a MinIO of 2026 sends it. */
const minioBody = JSON.stringify({
  EventName: 's3:ObjectCreated:Put',
  Key: 'hub/a b+c/ü%.txt',
  Records: [
    s3Record({
      key: 'a+b%2Bc%2F%C3%BC%25.txt',
      name: 's3:ObjectCreated:Put',
      source: 'minio:s3',
      version: '2.0',
      sequencer: '18EA25AAC662584A',
    }),
  ],
});
const pushOf = (data: string) =>
  JSON.stringify({
    message: { data: Buffer.from(data).toString('base64'), messageId: '1', attributes: {} },
    subscription: 'projects/p/subscriptions/s',
  });

describe('what is taken', () => {
  it('is published as it came when it is a notification of S3', async () => {
    const { send, published, counts } = setup();
    const body = s3Body({ key: 'a+b' });
    expect(await send(body)).toMatchObject({ statusCode: 200, json: { accepted: 1 } });
    expect(published).toEqual([body]);
    expect(counts).toEqual({ Ingested: 1 });
  });

  it('may be a webhook of MinIO, whose keys are read as they are meant', async () => {
    const { send, published } = setup();
    expect((await send(minioBody)).statusCode).toBe(200);
    expect(published.flatMap(parseS3Event)).toMatchObject([
      { key: 'a b+c/ü%.txt', kind: 'created', sequencer: '' },
    ]);
  });

  it('may be a pub/sub push, whose data is published without its envelope', async () => {
    const { send, published } = setup();
    const body = s3Body({ key: 'ü' });
    expect((await send(pushOf(body))).statusCode).toBe(200);
    expect(published).toEqual([body]);
  });

  it("may be a customer's event, alone or pushed", async () => {
    const { send, published } = setup();
    const event = {
      version: 1,
      id: 'e1',
      type: 'rename',
      key: 'a',
      newKey: 'b',
      time: '2026-01-02T03:04:05Z',
    };
    const body = JSON.stringify(event);
    expect(await send(body)).toMatchObject({ statusCode: 200, json: { accepted: 2 } });
    expect(await send(pushOf(body))).toMatchObject({ statusCode: 200, json: { accepted: 2 } });
    expect(published).toEqual([body, body]);
  });

  it('may be encoded by Lambda', async () => {
    const { send, published } = setup();
    const encoded = Buffer.from(minioBody).toString('base64');
    expect((await send(encoded, { isBase64Encoded: true })).statusCode).toBe(200);
    expect(published).toEqual([minioBody]);
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'application/cloudevents+json'])(
    'may be called %s',
    async (type) => {
      expect((await setup().send(minioBody, { headers: { 'content-type': type } })).statusCode).toBe(200);
    },
  );

  it('without events is nothing to publish', async () => {
    const { send, published } = setup();
    const body = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'hub' });
    expect(await send(body)).toMatchObject({ statusCode: 200, json: { accepted: 0 } });
    expect(published).toEqual([]);
  });

  it('is published in messages that a topic takes, every event once and in order', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.constantFrom('x', 'ü', '\ufffe'), async (fillings, letter) => {
        const { send, published } = setup();
        const records = fillings.map((size, index) => ({
          ...s3Record({ key: `k${index}` }),
          userMetadata: letter.repeat(Math.floor(size / Buffer.byteLength(letter))),
        }));
        const body = JSON.stringify({ Records: records });
        const { statusCode } = await send(body);
        expect(statusCode).toBe(200);
        expect(published.flatMap(parseS3Event).map(({ key }) => key)).toEqual(
          fillings.map((_, index) => `k${index}`),
        );
        for (const message of published) {
          expect(Buffer.byteLength(message)).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
          expect(message).not.toContain('\ufffe');
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('what is refused', () => {
  const authorization = (value: string) => ({ headers: { authorization: value } });

  it('without the token says so, and nothing else', async () => {
    const { send, published, counts } = setup();
    const answer = await send('no JSON', { method: 'GET', headers: { authorization: 'Bearer wrong' } });
    expect(answer).toMatchObject({ statusCode: 401, headers: { 'www-authenticate': 'Bearer' } });
    expect(published).toEqual([]);
    expect(counts).toEqual({ IngestRefused: 1 });
  });

  it.each([
    ['another method', 405, '', { method: 'PUT' }, 'POST'],
    ['another type', 415, '', { headers: { 'content-type': 'text/plain' } }, 'application/json'],
    ['too many bytes', 413, `"${'x'.repeat(1024 * 1024)}"`, {}, '1048576 bytes'],
    ['bytes that are no text', 422, '/w==', { isBase64Encoded: true }, 'UTF-8'],
    ['no JSON', 422, '{"Records":', {}, 'JSON'],
    ['something else', 422, '{"a":1}', {}, 'Records'],
    ['a push of something else', 422, pushOf('hello'), {}, 'JSON'],
    ['another bucket', 422, s3Body({ key: 'k', bucket: 'other' }), {}, '"other"; expected hub'],
    ['an unknown version', 422, s3Body({ key: 'k', version: '3.0' }), {}, 'version'],
    [
      'a customer event of another version',
      422,
      '{"version":2,"type":"create","id":"e","key":"k","time":"2026-01-02T03:04:05Z"}',
      {},
      'version 2',
    ],
    ['a key that is none', 422, s3Body({ key: '%FF' }), {}, 'percent-encoded'],
    [
      'an approval of deletes, which a token does not allow',
      422,
      '{"sluice":"look","version":1,"looks":[{"key":"k","reason":"r","approvedBy":"run"}]}',
      {},
      "Sluice's own",
    ],
  ])('for %s is answered with %i and what is wrong', async (_what, status, body, change, said) => {
    const { send, published, counts } = setup();
    const answer = await send(body, change);
    expect(answer.statusCode).toBe(status);
    expect(answer.json.error).toContain(said);
    expect(published).toEqual([]);
    expect(counts).toEqual({ IngestRefused: 1 });
  });

  it('is an event that no message of a topic can hold', async () => {
    const { send } = setup();
    const record = { ...s3Record({ key: 'k' }), userMetadata: 'x'.repeat(MAX_MESSAGE_BYTES) };
    expect(await send(JSON.stringify({ Records: [record] }))).toMatchObject({ statusCode: 413 });
  });

  it('as a whole when one of its events is wrong: nothing of it is published', async () => {
    const { send, published } = setup();
    const records = [s3Record({ key: 'k' }), s3Record({ key: 'k', bucket: 'other' })];
    expect((await send(JSON.stringify({ Records: records }))).statusCode).toBe(422);
    expect(published).toEqual([]);
  });

  it('never repeats the token, neither in the answer nor in the log', async () => {
    const { send, lines } = setup();
    const all = [
      await send(`{"a":"${TOKEN}"`),
      await send('{}', authorization(`Bearer ${TOKEN}x`)),
      await send('{}', { method: 'GET' }),
    ];
    expect(JSON.stringify([all.map(({ body, headers }) => [body, headers]), lines])).not.toContain(TOKEN);
  });
});

describe('a topic that does not take the events', () => {
  const away = () =>
    Promise.reject(new SyncError('topic away', { op: 'PublishBatch', retryable: true, code: 'Throttled' }));

  it('is answered with 503, so that the sender sends them again', async () => {
    const { send, counts, lines } = setup(away);
    expect(await send(minioBody)).toMatchObject({ statusCode: 503, headers: { 'retry-after': '5' } });
    expect(counts).toEqual({ IngestRefused: 1 });
    expect(lines).toMatchObject([{ level: 'error', code: 'Throttled' }]);
  });

  it('never gets a 200 from an error that nobody expected', async () => {
    const bug = new TypeError('a bug');
    await expect(setup(() => Promise.reject(bug)).send(minioBody)).rejects.toBe(bug);
  });
});
