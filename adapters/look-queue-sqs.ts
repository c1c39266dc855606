/** Asks the consumers of a queue of the hub's events to look at keys. */
import { lookMessages } from '#core/look-message.ts';
import type { LookQueue } from '#core/ports.ts';
import { createQueueSender } from './sqs-send.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html */
const LONGEST_DELAY_SEC = 900;

/** @throws SyncError from `send` when the queue did not take all of it; sending it all again does no harm */
export function createLookQueue({ queueUrl }: { queueUrl: string }): LookQueue {
  const send = createQueueSender(queueUrl);
  return {
    send: (looks, delayMs = 0) => {
      const delaySec = Math.min(Math.ceil(delayMs / 1000), LONGEST_DELAY_SEC);
      return send(lookMessages(looks).map((body) => ({ body, delaySec })));
    },
  };
}
