/** From the body of a webhook or push to messages that the consumers of the hub's events understand. */
import { SyncError } from '#core/errors.ts';
import { parseHubEvents } from '#core/hub-event.ts';
import * as z from '#core/schema.ts';

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
export const MAX_MESSAGE_BYTES = 262_144;

export interface Ingested {
  /** Each within the limit of a topic's message. */
  messages: string[];
  events: number;
}

/** https://cloud.google.com/pubsub/docs/push#receive_push */
const pushEnvelope = z.object({
  message: z.object({ data: z.base64(), messageId: z.optional(z.string()) }),
  subscription: z.string(),
});
const records = z.object({ Records: z.array(z.unknown()) });
const ownMessage = z.object({ sluice: z.unknown() });

/**
 * Takes S3 notifications (MinIO's webhook bodies are some), customers' events, and pub/sub pushes whose data is one of
 * these. Each is parsed as its consumers will, so that what they could not use is refused while the sender listens.
 *
 * @throws SyncError, not retryable: `BadEvent`, `WrongBucket`, `InvalidKey`, `TooLarge`
 */
export function ingestMessages(body: string, bucket: string): Ingested {
  const text = unwrapped(body);
  const value = parseJson(text);
  // Its approvals pass the guard of the deletes: they come from people with access to the queues, not by a token.
  if (ownMessage.safeParse(value).success) throw refused('BadEvent', "is a message of Sluice's own");
  const events = parseHubEvents(text, bucket);
  const foreign = events.find((event) => event.bucket !== bucket);
  if (foreign !== undefined) {
    throw refused('WrongBucket', `is of bucket ${JSON.stringify(foreign.bucket)}; expected ${bucket}`);
  }
  return { messages: events.length === 0 ? [] : withinLimit(sendable(text), value), events: events.length };
}

function unwrapped(body: string): string {
  const envelope = pushEnvelope.safeParse(parseJson(body));
  if (!envelope.success) return body;
  const bytes = Buffer.from(envelope.data.message.data, 'base64');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw refused('BadEvent', 'has data that is not UTF-8');
  }
}

/** Records stay in their order, and with them the events of a key. */
function withinLimit(text: string, value: unknown): string[] {
  if (Buffer.byteLength(text) <= MAX_MESSAGE_BYTES) return [text];
  const notification = records.safeParse(value);
  if (!notification.success) throw tooLarge();
  const frame = Buffer.byteLength(JSON.stringify({ Records: [] }));
  const messages: string[][] = [];
  let roomBytes = 0;
  for (const record of notification.data.Records) {
    const one = sendable(JSON.stringify(record));
    const sizeBytes = Buffer.byteLength(one) + 1;
    if (frame + sizeBytes > MAX_MESSAGE_BYTES) throw tooLarge();
    if (messages.length === 0 || sizeBytes > roomBytes) {
      messages.push([]);
      roomBytes = MAX_MESSAGE_BYTES - frame;
    }
    messages.at(-1)?.push(one);
    roomBytes -= sizeBytes;
  }
  return messages.map((some) => `{"Records":[${some.join(',')}]}`);
}

/**
 * The two characters that JSON may have and messages may not, as escapes.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
function sendable(json: string): string {
  return json.replaceAll('\ufffe', '\\ufffe').replaceAll('\uffff', '\\uffff');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refused('BadEvent', 'is not JSON');
  }
}

function tooLarge(): SyncError {
  return refused('TooLarge', `has an event of more than ${MAX_MESSAGE_BYTES} bytes`);
}

function refused(code: string, what: string): SyncError {
  return new SyncError(`the body ${what}`, { op: 'ingest', retryable: false, code });
}
