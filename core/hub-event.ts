/** Every kind of message that tells of the hub's keys becomes events here. */
import { eventsOfCustomer, isCustomerEvent } from './customer-event.ts';
import { eventsOfLooks } from './look-message.ts';
import { malformedMessage, parseMessageJson } from './message-json.ts';
import { eventsOfNotification, type ObjectEvent } from './s3-event.ts';

/**
 * The events of one message: a notification of S3 or MinIO, a request of Sluice's own to look, or a customer's event.
 *
 * @param bucket the hub's, for messages that name none
 * @throws SyncError, not retryable, naming what is wrong: such a message belongs in the dead-letter queue
 */
export function parseHubEvents(body: string, bucket: string): ObjectEvent[] {
  const value = parseMessageJson(body);
  if (typeof value === 'object' && value !== null && 'sluice' in value) {
    const looks = eventsOfLooks(value, bucket);
    if (looks === undefined) throw malformedMessage('is none of the messages that Sluice sends itself');
    return looks;
  }
  return isCustomerEvent(value) ? eventsOfCustomer(value, bucket) : eventsOfNotification(value);
}
