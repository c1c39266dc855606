/** Events and messages as S3 and SQS write them. */
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { objectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { ObjectEvent } from '#core/s3-event.ts';

export interface RecordFields {
  key: string;
  name?: string;
  bucket?: string;
  sequencer?: string | undefined;
  etag?: string;
  sizeBytes?: number;
  versionId?: string;
  time?: string;
  source?: string;
  version?: string;
}

/** The body of a message with one record; the key as given, so encode it as S3 would. */
export function s3Body(fields: RecordFields): string {
  return JSON.stringify({ Records: [s3Record(fields)] });
}

export function s3Record(fields: RecordFields): Record<string, unknown> {
  return {
    eventVersion: fields.version ?? '2.1',
    eventSource: fields.source ?? 'aws:s3',
    awsRegion: 'us-east-1',
    eventTime: fields.time ?? '2026-01-02T03:04:05.678Z',
    eventName: fields.name ?? 'ObjectCreated:Put',
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'c',
      bucket: { name: fields.bucket ?? 'hub', ownerIdentity: { principalId: 'p' }, arn: 'arn:aws:s3:::hub' },
      object: {
        key: fields.key,
        size: fields.sizeBytes ?? 5,
        eTag: fields.etag ?? 'a'.repeat(32),
        ...('sequencer' in fields ? { sequencer: fields.sequencer } : { sequencer: '0A1B2C3D4E5F678901' }),
        ...(fields.versionId === undefined ? {} : { versionId: fields.versionId }),
      },
    },
  };
}

export function sqsEvent(bodies: readonly string[]): SQSEvent {
  return {
    Records: bodies.map(
      (body, index): SQSRecord => ({
        messageId: `message-${index}`,
        receiptHandle: `handle-${index}`,
        body,
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: '0',
          SenderId: 'sns',
          ApproximateFirstReceiveTimestamp: '0',
        },
        messageAttributes: {},
        md5OfBody: '',
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:queue',
        awsRegion: 'us-east-1',
      }),
    ),
  };
}

export function objectEvent(fields: Partial<Omit<ObjectEvent, 'key'>> & { key?: string } = {}): ObjectEvent {
  const { key = 'k', ...rest } = fields;
  return {
    kind: 'created',
    name: rest.kind === 'removed' ? 'ObjectRemoved:Delete' : 'ObjectCreated:Put',
    bucket: 'hub',
    key: objectKey(key),
    sequencer: '01',
    etag: rest.kind === 'removed' ? '' : 'etag-1',
    sizeBytes: 1,
    versionId: '',
    timeMs: 1_000,
    ...rest,
  };
}

export function ledgerEntry(fields: Partial<Omit<LedgerEntry, 'key'>> & { key?: string } = {}): LedgerEntry {
  const { key = 'k', ...rest } = fields;
  return {
    key: objectKey(key),
    state: 'present',
    revision: 1,
    sequencer: '01',
    etag: 'etag-1',
    versionId: '',
    sizeBytes: 1,
    eventTimeMs: 1_000,
    mirrors: {},
    ...rest,
  };
}
