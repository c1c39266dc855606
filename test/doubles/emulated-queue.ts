/** A queue of its own on the emulator. */
import { randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { inject, onTestFinished, vi } from 'vitest';

export interface EmulatedQueue {
  queueUrl: string;
  arn: string;
  /** Up to ten messages, after a wait of at most a second; they are deleted. */
  receive(): Promise<Message[]>;
}

export async function emulatedQueue({ fifo = false } = {}): Promise<EmulatedQueue> {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ENDPOINT_URL', inject('endpoint'));
  const client = new SQSClient();
  onTestFinished(() => client.destroy());
  const { QueueUrl = '' } = await client.send(
    new CreateQueueCommand({
      QueueName: `q-${randomUUID()}${fifo ? '.fifo' : ''}`,
      Attributes: fifo ? { FifoQueue: 'true' } : {},
    }),
  );
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  return {
    queueUrl: QueueUrl,
    arn: Attributes.QueueArn ?? '',
    async receive() {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 1,
          MessageSystemAttributeNames: ['All'],
        }),
      );
      for (const { ReceiptHandle } of Messages) {
        await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
      return Messages;
    },
  };
}
