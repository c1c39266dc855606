/** S3 event notifications: the text of a queue message becomes events once, here, and is trusted afterwards. */
import { keyFromEvent, type ObjectKey } from './key.ts';
import { malformedMessage, parseMessageJson } from './message-json.ts';
import * as z from './schema.ts';

export interface ObjectEvent {
  /**
   * `look`: something may have happened, HEAD tells what. `other`: tags, ACLs, restores, transitions; the object's bytes
   * stay what they were.
   */
  kind: 'created' | 'removed' | 'look' | 'other';
  /** The store's name of the event without `s3:`, for the log. */
  name: string;
  bucket: string;
  key: ObjectKey;
  /** Empty when it says nothing about the order of the key's states. */
  sequencer: string;
  etag: string;
  sizeBytes: number;
  versionId: string;
  timeMs: number;
  /** Who tells says that the object had this key before. */
  renamedFrom?: ObjectKey;
  /** New permissions, as canonical JSON of an object. */
  permissions?: string;
  /** The run whose deletes a person has approved. */
  approvedBy?: string;
}

const VERSION = /^2\.\d+$/;

const record = z.object({
  eventVersion: z.string().check(z.regex(VERSION, { error: 'an event version 2.x' })),
  eventSource: z.string(),
  eventTime: z.pipe(z.iso.datetime({ offset: true }), z.coerce.date()),
  eventName: z.string().check(z.minLength(1)),
  s3: z.object({
    bucket: z.object({ name: z.string().check(z.minLength(1)) }),
    object: z.object({
      key: z.string().check(z.minLength(1)),
      size: z.nullish(z.number().check(z.nonnegative())),
      eTag: z.nullish(z.string()),
      versionId: z.nullish(z.string()),
      sequencer: z.nullish(z.string()),
    }),
  }),
});
const notification = z.object({ Records: z.array(record) });
/** Sent once when a notification is configured: it has no records. */
const testEvent = z.object({ Event: z.literal('s3:TestEvent') });
const snsEnvelope = z.object({ Type: z.string(), TopicArn: z.string() });

/** As `eventsOfNotification`, of the text of a message. */
export function parseS3Event(body: string): ObjectEvent[] {
  return eventsOfNotification(parseMessageJson(body));
}

/**
 * The events of one notification (of S3, delivered raw by SNS, or of a webhook of MinIO, whose records are the same), in
 * the order of its records; none for `s3:TestEvent`. Fields that a newer minor version adds are ignored.
 *
 * @throws SyncError, not retryable, naming what is wrong: such a message belongs in the dead-letter queue.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 * https://min.io/docs/minio/linux/administration/monitoring/publish-events-to-webhook.html
 */
export function eventsOfNotification(value: unknown): ObjectEvent[] {
  if (testEvent.safeParse(value).success) return [];
  const result = notification.safeParse(value);
  if (result.success) return result.data.Records.map(objectEvent);
  if (snsEnvelope.safeParse(value).success) {
    throw malformedMessage('is an SNS envelope', 'Turn on raw message delivery for the subscription.');
  }
  const issue = result.error.issues[0];
  throw malformedMessage(
    `is no S3 notification: ${issue?.path.join('.') || 'the message'}: ${issue?.message}`,
  );
}

function objectEvent(parsed: z.output<typeof record>): ObjectEvent {
  const { object, bucket } = parsed.s3;
  const name = parsed.eventName.replace(/^s3:/, '');
  const versionId = object.versionId ?? '';
  return {
    kind: kindOf(name),
    name,
    bucket: bucket.name,
    key: keyFromEvent(object.key),
    sequencer: ordersTheKey(parsed.eventSource, name, versionId) ? (object.sequencer ?? '') : '',
    etag: (object.eTag ?? '').replaceAll('"', ''),
    sizeBytes: object.size ?? 0,
    versionId,
    timeMs: parsed.eventTime.getTime(),
  };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html */
function kindOf(name: string): ObjectEvent['kind'] {
  if (name.startsWith('ObjectCreated:')) return 'created';
  if (name.startsWith('ObjectRemoved:') || name.startsWith('LifecycleExpiration:')) return 'removed';
  return name === 'ReducedRedundancyLostObject' ? 'removed' : 'other';
}

/**
 * MinIO's sequencer is its clock (minio/minio#18272). And the removal of one version, which may be any of them, or a
 * delete marker whose removal brings the object back, does not tell what the key holds afterwards.
 */
function ordersTheKey(source: string, name: string, versionId: string): boolean {
  return source === 'aws:s3' && !(name.endsWith(':Delete') && versionId !== '');
}
