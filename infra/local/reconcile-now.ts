/** Compares the hub with every destination now, as `ops reconcile` does: what differs is enqueued at once. */
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { reconcileText } from '#core/reconcile-message.ts';
import type { Clients } from '../ops/clients.ts';
import type { Consumer } from '../ops/consumers.ts';

export async function reconcileDestinations(clients: Clients, consumers: readonly Consumer[]): Promise<void> {
  for (const { name, destination, queueUrl } of consumers) {
    if (destination === undefined || queueUrl === undefined || !name.startsWith('reconcile-')) continue;
    await clients.sqs().send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: reconcileText({}) }));
  }
}
