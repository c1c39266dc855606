import { describe, expect, it } from 'vitest';
import { parseHubEvents } from '#core/hub-event.ts';
import { objectKey } from '#core/key.ts';
import { lookMessages } from '#core/look-message.ts';
import { s3Body, s3Record } from '../doubles/s3-event.ts';

const customer = { version: 1, id: 'i', type: 'create', key: 'c', time: '2026-01-02T03:04:05Z' };

describe('a message about the hub', () => {
  it('may be a notification of S3', () => {
    expect(parseHubEvents(s3Body({ key: 'a+b' }), 'hub')).toMatchObject([{ kind: 'created', key: 'a b' }]);
    expect(parseHubEvents('{"Event":"s3:TestEvent"}', 'hub')).toEqual([]);
  });

  it('may be what MinIO sends to a webhook', () => {
    const record = s3Record({
      key: 'dir%2Fa+b',
      source: 'minio:s3',
      name: 's3:ObjectRemoved:Delete',
      version: '2.0',
    });
    const body = JSON.stringify({
      EventName: 's3:ObjectRemoved:Delete',
      Key: 'hub/dir/a b',
      Records: [record],
    });
    expect(parseHubEvents(body, 'hub')).toMatchObject([
      { kind: 'removed', key: 'dir/a b', sequencer: '', name: 'ObjectRemoved:Delete' },
    ]);
  });

  it('may be a request to look, or a customer’s event', () => {
    const [body = ''] = lookMessages([{ key: objectKey('k'), reason: 'reconcile', approvedBy: 'run-1' }]);
    expect(parseHubEvents(body, 'hub')).toMatchObject([
      { kind: 'look', key: 'k', bucket: 'hub', approvedBy: 'run-1' },
    ]);
    expect(parseHubEvents(JSON.stringify(customer), 'hub')).toMatchObject([{ kind: 'look', key: 'c' }]);
  });

  it.each([
    ['text', 'hello'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['an SNS envelope', '{"Type":"Notification","TopicArn":"t","Message":"{}"}'],
    ['an unknown message of Sluice', '{"sluice":"look","version":2,"looks":[]}'],
    ['a look at no key', '{"sluice":"look","version":1,"looks":[{"key":"","reason":""}]}'],
    ['an event of a later version', JSON.stringify({ ...customer, version: 2 })],
    ['a notification of version 3', s3Body({ key: 'k', version: '3.0' })],
    ['a key that is no UTF-8', s3Body({ key: '%FF' })],
    ['records that are none', '{"Records":[{}]}'],
    ['depth', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['hidden depth', `{"Records":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('that is %s is refused for good, with a reason', (_what, body) => {
    const parse = () => parseHubEvents(body, 'hub');
    expect(parse).toThrow(expect.objectContaining({ name: 'SyncError', retryable: false }));
  });
});

describe('a message that asks to look', () => {
  it('is short enough for a queue, whatever the keys', () => {
    const looks = Array.from({ length: 100 }, () => ({
      key: objectKey('\u0001'.repeat(1024)),
      reason: 'reconcile',
    }));
    const messages = lookMessages(looks);
    expect(messages.flatMap((body) => parseHubEvents(body, 'hub'))).toHaveLength(100);
    for (const body of messages) expect(Buffer.byteLength(body)).toBeLessThan(256 * 1024);
  });
});
