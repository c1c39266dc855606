/**
 * Messages that outlast an outage. SQS counts each delivery of a message towards its dead-letter queue, also those that
 * found the breaker open. So before the last of them another message takes its place, and the count begins anew: a
 * service may be down for any time, and nobody has to send anything again.
 *
 * The new message is behind what came for the group since. That is safe, because a message only asks to look at its key:
 * what is told follows from the row and the object (deliver-key.ts); a rename that comes too late sends the content.
 * It is sent before the old one is done with. Cut off between the two, both are there, and the later one finds nothing
 * to do; sent twice within minutes, the queue drops one, by the id of the old message.
 */
import { parseDeliveryMessage } from '#core/delivery-message.ts';
import { SyncError } from '#core/errors.ts';
import type { DeliveryQueue } from '#core/ports.ts';
import { isWornOut } from '#core/redelivery.ts';
import type { Log } from './log.ts';
import type { Failed } from './sqs-lanes.ts';

/** Those that were sent anew are no longer among the failed: they are done. */
export async function sendWornOutAnew(
  failed: Failed,
  { deliveries, log }: { deliveries: DeliveryQueue; log: Log },
): Promise<void> {
  for (const [message, setback] of [...failed]) {
    const { messageId, body, attributes } = message;
    if (!isWornOut(setback, Number(attributes.ApproximateReceiveCount))) continue;
    try {
      const request = parseDeliveryMessage(body);
      await deliveries.send([{ ...request, again: `outage ${messageId}` }]);
      failed.delete(message);
      log.info('delivery: sent anew, the file manager is still down', { key: request.key, messageId });
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      // It stays the old message, which has deliveries left for that.
      log.warn('delivery: not sent anew', { messageId, code: error.code, error });
    }
  }
}
