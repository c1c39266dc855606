/** A FIFO queue in memory, as SQS has it: groups in order, one message of a group out at a time, duplicates dropped. */
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { deliveryGroup, deliveryIdentity, deliveryMessage } from '#core/delivery-message.ts';
import type { DeliveryQueue, DeliveryRequest } from '#core/ports.ts';
import { sqsEvent } from './s3-event.ts';

export interface MemoryDeliveryQueue extends DeliveryQueue {
  readonly waiting: number;
  /** Everything that was sent, duplicates left out. */
  readonly sent: readonly DeliveryRequest[];
  /** Up to that many messages, none of a group that is out. */
  receive(most: number): SQSEvent;
  /** The messages that are done; the others of the event come again, in their old order. */
  settle(event: SQSEvent, failed: ReadonlySet<string>): void;
}

export function createMemoryDeliveryQueue(): MemoryDeliveryQueue {
  const waiting: { id: string; group: string; body: string }[] = [];
  const out = new Map<string, string>();
  const identities = new Set<string>();
  const sent: DeliveryRequest[] = [];

  return {
    get waiting() {
      return waiting.length;
    },
    sent,
    async send(requests) {
      for (const request of requests) {
        const identity = deliveryIdentity(request);
        if (identities.has(identity)) continue;
        identities.add(identity);
        sent.push(request);
        waiting.push({
          id: `m${sent.length}`,
          group: deliveryGroup(request),
          body: deliveryMessage(request),
        });
      }
    },
    receive(most) {
      const busy = new Set(out.values());
      const taken = waiting.filter(({ group }) => !busy.has(group)).slice(0, most);
      for (const { id, group } of taken) out.set(id, group);
      const records = taken.map(({ id, group, body }, index): SQSRecord => {
        const [record] = sqsEvent([body]).Records;
        if (record === undefined) throw new Error(`no record ${index}`);
        const attributes = { ...record.attributes, MessageGroupId: group };
        return { ...record, messageId: id, attributes };
      });
      return { Records: records };
    },
    settle({ Records }, failed) {
      for (const { messageId } of Records) {
        out.delete(messageId);
        if (failed.has(messageId)) continue;
        waiting.splice(
          waiting.findIndex(({ id }) => id === messageId),
          1,
        );
      }
    },
  };
}
