/**
 * SQS, as far as those who are fed by it can tell: at least once, standard queues in any order, FIFO queues in the order of
 * a group; a visibility timeout, and a dead-letter queue behind.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
 */
import type { SQSRecord } from 'aws-lambda';
import { MAX_RECEIVES } from '#core/redelivery.ts';
import type { Simulation } from './simulation.ts';

export interface QueueSettings {
  name: string;
  visibilityMs: number;
  fifo?: boolean;
}

export interface SentMessage {
  body: string;
  groupId?: string;
  deduplicationId?: string;
}

export interface SimQueue {
  readonly name: string;
  send(message: SentMessage, delayMs?: number): void;
  /** Up to so many messages that are visible; they are out until they are deleted, released, or too long out. */
  receive(most: number): SQSRecord[];
  /** A handle of an earlier receive does nothing. */
  remove(receiptHandle: string): void;
  release(receiptHandle: string, delayMs: number): void;
  /** When a message will be there to be received; `undefined`: none will. */
  nextVisibleMs(): number | undefined;
  readonly waiting: number;
  readonly dead: number;
  /** All that is dead is sent anew. */
  redrive(): void;
  /** Whoever polls is told that something may have become visible, or will. */
  onChange: () => void;
}

interface Message extends SentMessage {
  id: string;
  receives: number;
  visibleAtMs: number;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html */
const DEDUPLICATED_MS = 300_000;
/** Of how many of the oldest the next one is. */
const DISORDER = 4;

export function createQueue(sim: Simulation, { name, visibilityMs, fifo = false }: QueueSettings): SimQueue {
  const { scheduler, choices, faults } = sim;
  let messages: Message[] = [];
  let dead: Message[] = [];
  const seen = new Map<string, number>();

  function add(sent: SentMessage, delayMs: number): void {
    messages.push({ ...sent, id: sim.newId(), receives: 0, visibleAtMs: scheduler.nowMs + delayMs });
    queue.onChange();
  }

  function visible(): Message[] {
    const { nowMs } = scheduler;
    if (!fifo) return messages.filter(({ visibleAtMs }) => visibleAtMs <= nowMs);
    const out = new Set<string>();
    return messages.filter(({ visibleAtMs, groupId = '' }) => {
      if (out.has(groupId)) return false;
      if (visibleAtMs > nowMs) out.add(groupId);
      return visibleAtMs <= nowMs;
    });
  }

  function take(message: Message): SQSRecord | undefined {
    if (message.receives === MAX_RECEIVES) {
      messages = messages.filter((one) => one !== message);
      dead.push(message);
      sim.trace(() => `queue ${name}: ${message.id} is dead: ${message.body.slice(0, 120)}`);
      return undefined;
    }
    message.receives++;
    const twice = !fifo && faults.hits('message doubled');
    message.visibleAtMs = scheduler.nowMs + (twice ? choices.below(visibilityMs) : visibilityMs);
    return recordOf(name, message);
  }

  const ofHandle = (handle: string) =>
    messages.find(({ id, receives }) => handle === handleOf({ id, receives }));

  const queue: SimQueue = {
    name,
    onChange: () => undefined,
    send(sent, delayMs = 0) {
      const { deduplicationId } = sent;
      if (deduplicationId !== undefined) {
        const sentMs = seen.get(deduplicationId);
        if (sentMs !== undefined && scheduler.nowMs - sentMs < DEDUPLICATED_MS) return;
        seen.set(deduplicationId, scheduler.nowMs);
      }
      add(sent, delayMs);
    },
    receive(most) {
      const records: SQSRecord[] = [];
      const found = visible();
      while (records.length < most && found.length > 0) {
        const index = fifo ? 0 : choices.below(Math.min(DISORDER, found.length));
        for (const message of found.splice(index, 1)) {
          const record = take(message);
          if (record !== undefined) records.push(record);
        }
      }
      return records;
    },
    remove(receiptHandle) {
      const message = ofHandle(receiptHandle);
      if (message === undefined) return;
      if (faults.hits('deletion lost')) return queue.onChange();
      messages = messages.filter((one) => one !== message);
      queue.onChange();
    },
    release(receiptHandle, delayMs) {
      const message = ofHandle(receiptHandle);
      if (message !== undefined) message.visibleAtMs = scheduler.nowMs + delayMs;
      queue.onChange();
    },
    nextVisibleMs() {
      if (messages.length === 0) return undefined;
      if (visible().length > 0) return scheduler.nowMs;
      const later = messages.map(({ visibleAtMs }) => visibleAtMs).filter((ms) => ms > scheduler.nowMs);
      return Math.min(...later);
    },
    get waiting() {
      return messages.length;
    },
    get dead() {
      return dead.length;
    },
    redrive() {
      const again = dead;
      dead = [];
      for (const message of again) add(message, 0);
    },
  };
  return queue;
}

function handleOf({ id, receives }: { id: string; receives: number }): string {
  return `${id}/${receives}`;
}

function recordOf(name: string, message: Message): SQSRecord {
  return {
    messageId: message.id,
    receiptHandle: handleOf(message),
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receives),
      SentTimestamp: '0',
      SenderId: 'sim',
      ApproximateFirstReceiveTimestamp: '0',
      ...(message.groupId === undefined ? {} : { MessageGroupId: message.groupId }),
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${name}`,
    awsRegion: 'us-east-1',
  };
}
