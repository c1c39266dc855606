/** Asks the deliver function to look at keys, those of one group one after the other. */
import { createHash } from 'node:crypto';
import { deliveryGroup, deliveryIdentity, deliveryMessage } from '#core/delivery-message.ts';
import type { DeliveryQueue } from '#core/ports.ts';
import { createQueueSender } from './sqs-send.ts';

/** @throws SyncError from `send` when the queue did not take all of it; sending it all again does no harm */
export function createDeliveryQueue({ queueUrl }: { queueUrl: string }): DeliveryQueue {
  const send = createQueueSender(queueUrl);
  return {
    send: (requests) =>
      send(
        requests.map((request) => ({
          body: deliveryMessage(request),
          groupId: sha256(deliveryGroup(request)),
          deduplicationId: sha256(deliveryIdentity(request)),
        })),
      ),
  };
}

/** A key can be longer than the 128 characters of an id, and can have other characters. */
function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
