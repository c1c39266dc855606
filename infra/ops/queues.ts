/** How much waits in the queues of a stack. */
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { Clients } from './clients.ts';
import type { Consumer } from './consumers.ts';

export interface Depth {
  waiting: number;
  inFlight: number;
  /** Failed before, or sent for later. */
  delayed: number;
}

export interface ConsumerDepth extends Consumer {
  queue?: Depth;
  deadLetters?: number;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html: all are approximate. */
const COUNTS = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
] as const;

export async function queueDepth(clients: Clients, url: string): Promise<Depth> {
  const { Attributes = {} } = await clients
    .sqs()
    .send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...COUNTS] }));
  const [waiting, inFlight, delayed] = COUNTS.map((name) => Number(Attributes[name] ?? 0));
  return { waiting: waiting ?? 0, inFlight: inFlight ?? 0, delayed: delayed ?? 0 };
}

export function depthsOf(clients: Clients, consumers: readonly Consumer[]): Promise<ConsumerDepth[]> {
  return Promise.all(
    consumers.map(async (consumer) => {
      const { queueUrl, dlqUrl } = consumer;
      const [queue, dead] = await Promise.all([
        queueUrl === undefined ? undefined : queueDepth(clients, queueUrl),
        dlqUrl === undefined ? undefined : queueDepth(clients, dlqUrl),
      ]);
      return {
        ...consumer,
        ...(queue === undefined ? {} : { queue }),
        ...(dead === undefined ? {} : { deadLetters: total(dead) }),
      };
    }),
  );
}

export function total({ waiting, inFlight, delayed }: Depth): number {
  return waiting + inFlight + delayed;
}
