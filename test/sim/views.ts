/** The world as one instance sees it: each of its adapters sends requests that can fail, and its clock may be off. */
import type { SQSRecord } from 'aws-lambda';
import { deliveryGroup, deliveryIdentity, deliveryMessage } from '#core/delivery-message.ts';
import { lookMessages } from '#core/look-message.ts';
import type { Controls, DeliveryQueue, Ledger, LookQueue, ObjectStore } from '#core/ports.ts';
import { redeliveryDelaySec, type Setback } from '#core/redelivery.ts';
import type { BatchPorts } from '../../functions/sqs-batch.ts';
import { withFaultyBodies } from './bodies.ts';
import type { Cloud } from './cloud.ts';
import type { SimDestination } from './destination.ts';
import { HUB } from './hub.ts';
import { portOf } from './operations.ts';
import { remote, request } from './port-calls.ts';
import type { SentMessage } from './queue.ts';
import type { Invocation } from './runtime.ts';
import type { Instance } from './simulation.ts';

export interface View {
  hub: ObjectStore;
  reports: ObjectStore;
  ledger: Ledger;
  controls: Controls;
  nowMs: () => number;
  store(destination: SimDestination): ObjectStore;
  sender(queue: string): (messages: readonly SentMessage[], delayMs?: number) => Promise<void>;
  looks(queue: string): LookQueue;
  deliveries(): DeliveryQueue;
  batch(queue: string, invocation: Invocation): BatchPorts;
}

/** One random number is as good as 100 of them. */
const DICE = 100;

export function viewOf(cloud: Cloud, instance: Instance, hub = cloud.hub.store): View {
  const { sim } = cloud;

  function sender(queue: string) {
    const { send } = remote(sim, instance, `queue ${queue}`, {
      async send(messages: readonly SentMessage[], delayMs?: number) {
        for (const message of messages) cloud.queue(queue).send(message, delayMs);
      },
    });
    return send;
  }

  /** As adapters/sqs-release.ts: a handle that is no longer valid is no error. */
  function release(queue: string) {
    return ({ receiptHandle, attributes }: SQSRecord, setback: Setback): Promise<void> => {
      const delaySec = redeliveryDelaySec(
        setback,
        Number(attributes.ApproximateReceiveCount),
        sim.choices.below(DICE) / DICE,
      );
      const call = { port: `queue ${queue}`, method: 'release', about: `${receiptHandle} for ${delaySec} s` };
      return request(sim, instance, call, async () =>
        cloud.queue(queue).release(receiptHandle, delaySec * 1000),
      );
    };
  }

  return {
    hub: remote(sim, instance, 'hub', withFaultyBodies(sim, hub)),
    reports: remote<ObjectStore>(sim, instance, 'reports', cloud.reports),
    ledger: remote(sim, instance, 'ledger', cloud.ledger),
    controls: remote(sim, instance, 'controls', cloud.controls),
    nowMs: () => sim.scheduler.nowMs + instance.clockOffMs,
    store: ({ settings, store }) => remote(sim, instance, portOf(settings), store),
    sender,
    looks(queue) {
      const send = sender(queue);
      return {
        send: (looks, delayMs = 0) =>
          send(
            lookMessages(looks).map((body) => ({ body })),
            delayMs,
          ),
      };
    },
    deliveries() {
      const send = sender('deliver');
      return {
        send: (requests) =>
          send(
            requests.map((one) => ({
              body: deliveryMessage(one),
              groupId: deliveryGroup(one),
              deduplicationId: deliveryIdentity(one),
            })),
          ),
      };
    },
    batch: (queue, { remainingMs }) => ({
      log: sim.logOf(instance),
      bucket: HUB,
      remainingMs,
      release: release(queue),
    }),
  };
}
