/** Gives failed messages back to their queue before the visibility timeout, which is six times the function's. */
import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs';
import { SyncError } from '#core/errors.ts';
import { redeliveryDelaySec, type Setback } from '#core/redelivery.ts';

/** The fields of a Lambda SQS record that it takes. */
export interface ReceivedMessage {
  receiptHandle: string;
  eventSourceARN: string;
  attributes: { ApproximateReceiveCount: string };
}

/** Codes of a message that is no longer ours to move: its visibility timeout does the same, later. */
const TOO_LATE = new Set(['MessageNotInflight', 'ReceiptHandleIsInvalid', 'InvalidParameterValue']);

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
export function createMessageRelease(ports: {
  random: () => number;
}): (message: ReceivedMessage, setback: Setback) => Promise<void> {
  // The address of the queue is made from its ARN below; the client's own endpoint is what counts.
  const client = new SQSClient({ useQueueUrlAsEndpoint: false });
  return async (message, setback) => {
    const receiveCount = Number(message.attributes.ApproximateReceiveCount) || 1;
    try {
      await client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: queueUrl(message.eventSourceARN),
          ReceiptHandle: message.receiptHandle,
          VisibilityTimeout: redeliveryDelaySec(setback, receiveCount, ports.random()),
        }),
      );
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (TOO_LATE.has(error.name)) return;
      throw new SyncError(
        `ChangeMessageVisibility ${message.eventSourceARN}: ${error.name}: ${error.message}`,
        {
          op: 'ChangeMessageVisibility',
          retryable: true,
          code: error.name,
          cause: error,
        },
      );
    }
  };
}

/** `arn:aws:sqs:region:account:name` -> the URL that names it; https://docs.aws.amazon.com/general/latest/gr/sqs-service.html */
function queueUrl(arn: string): string {
  const [, , , region = '', account = '', name = ''] = arn.split(':');
  return `https://sqs.${region}.amazonaws.com/${account}/${name}`;
}
