import { describe, expect, it } from 'vitest';
import { parseS3Event } from '#core/s3-event.ts';
import { s3Body, s3Record } from '../doubles/s3-event.ts';

describe('an S3 notification', () => {
  it('becomes an event with every field that decides', () => {
    const body = s3Body({ key: 'a.txt', etag: 'abc', sizeBytes: 7, versionId: 'v1', sequencer: '0F' });
    expect(parseS3Event(body)).toEqual([
      {
        kind: 'created',
        name: 'ObjectCreated:Put',
        bucket: 'hub',
        key: 'a.txt',
        sequencer: '0F',
        etag: 'abc',
        sizeBytes: 7,
        versionId: 'v1',
        timeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      },
    ]);
  });

  it.each([
    ['a+b%2Bc', 'a b+c'],
    ['LocalStack%20writes%20this', 'LocalStack writes this'],
    ['%E2%82%AC/%F0%9F%98%80', '€/😀'],
    ['100%25', '100%'],
    ['line%0Abreak', 'line\nbreak'],
  ])('has its key %j decoded to %j', (encoded, key) => {
    expect(parseS3Event(s3Body({ key: encoded }))[0]?.key).toBe(key);
  });

  it.each([
    ['ObjectCreated:CompleteMultipartUpload', 'created'],
    ['s3:ObjectCreated:Put', 'created'],
    ['ObjectRemoved:Delete', 'removed'],
    ['ObjectRemoved:DeleteMarkerCreated', 'removed'],
    ['LifecycleExpiration:Delete', 'removed'],
    ['LifecycleExpiration:DeleteMarkerCreated', 'removed'],
    ['ReducedRedundancyLostObject', 'removed'],
    ['ObjectTagging:Put', 'other'],
    ['ObjectAcl:Put', 'other'],
    ['ObjectRestore:Completed', 'other'],
    ['LifecycleTransition', 'other'],
  ])('%s is of kind %s', (name, kind) => {
    expect(parseS3Event(s3Body({ key: 'k', name }))[0]?.kind).toBe(kind);
  });

  it('of MinIO has no sequencer to trust, and neither has the removal of one version', () => {
    expect(parseS3Event(s3Body({ key: 'k', source: 'minio:s3' }))[0]?.sequencer).toBe('');
    const removal = { key: 'k', name: 'ObjectRemoved:Delete', versionId: 'old' };
    expect(parseS3Event(s3Body(removal))[0]?.sequencer).toBe('');
    expect(parseS3Event(s3Body({ key: 'k', name: 'ObjectRemoved:Delete' }))[0]?.sequencer).not.toBe('');
  });

  it('keeps the order of its records', () => {
    const body = JSON.stringify({ Records: [s3Record({ key: 'b' }), s3Record({ key: 'a' })] });
    expect(parseS3Event(body).map(({ key }) => key)).toEqual(['b', 'a']);
  });

  it('of a delete needs neither size nor ETag', () => {
    const record = s3Record({ key: 'k', name: 'ObjectRemoved:Delete' }) as { s3: { object: object } };
    record.s3.object = { key: 'k', sequencer: '0F' };
    const [event] = parseS3Event(JSON.stringify({ Records: [record] }));
    expect(event).toMatchObject({ kind: 'removed', etag: '', sizeBytes: 0, versionId: '' });
  });

  it('may be of any 2.x version and carry fields that are not known', () => {
    expect(parseS3Event(s3Body({ key: 'k', version: '2.6' }))).toHaveLength(1);
  });

  it('that is the test event of a new configuration is no event', () => {
    const body = { Service: 'Amazon S3', Event: 's3:TestEvent', Time: '2026-01-01T00:00:00Z', Bucket: 'hub' };
    expect(parseS3Event(JSON.stringify(body))).toEqual([]);
  });

  it.each([
    ['text that is not JSON', 'hello', /not JSON/],
    ['another shape', '{"records":[]}', /no S3 notification: Records/],
    ['null', 'null', /no S3 notification/],
    ['version 3', s3Body({ key: 'k', version: '3.0' }), /eventVersion: an event version 2\.x/],
    ['version 20', s3Body({ key: 'k', version: '20.1' }), /eventVersion/],
    ['no key', s3Body({ key: '' }), /object\.key/],
    ['a time that is none', s3Body({ key: 'k', time: 'yesterday' }), /eventTime/],
    ['a key that is not UTF-8', s3Body({ key: '%FF' }), /percent-encoded UTF-8/],
    ['a key of 1,025 bytes', s3Body({ key: 'k'.repeat(1025) }), /1025 bytes/],
    ['an SNS envelope', '{"Type":"Notification","TopicArn":"arn","Message":"{}"}', /SNS envelope/],
  ])('refuses %s and names it', (_what, body, message) => {
    expect(() => parseS3Event(body)).toThrow(message);
    expect(() => parseS3Event(body)).toThrow(
      expect.objectContaining({ retryable: false, name: 'SyncError' }),
    );
  });
});
