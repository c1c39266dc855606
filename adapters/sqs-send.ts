/** Sends messages to one queue in batches, each confirmed: what the queue did not take is sent again, or is an error. */
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { SyncError } from '#core/errors.ts';
import { utf8Length } from '#core/utf8.ts';

export interface QueueMessage {
  /** JSON. */
  body: string;
  /** Standard queues only. */
  delaySec?: number;
  /** FIFO queues only: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagegroupid-property.html */
  groupId?: string;
  deduplicationId?: string;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html; all queues take 256 KiB. */
const BATCH_MESSAGES = 10;
const BATCH_BYTES = 256 * 1024;
const ATTEMPTS = 3;

/** @param queueUrl read by name: the requests go to the endpoint of the SDK's configuration */
export function createQueueSender(queueUrl: string): (messages: readonly QueueMessage[]) => Promise<void> {
  const client = new SQSClient({ useQueueUrlAsEndpoint: false, maxAttempts: 4 });

  /** Sends the batch; answers what the queue could not take, and may take later. */
  async function sendBatch(batch: readonly QueueMessage[]): Promise<readonly QueueMessage[]> {
    const { Failed = [] } = await client.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: batch.map(({ body, delaySec, groupId, deduplicationId }, index) => ({
          Id: String(index),
          MessageBody: body,
          ...(delaySec === undefined ? {} : { DelaySeconds: delaySec }),
          ...(groupId === undefined ? {} : { MessageGroupId: groupId }),
          ...(deduplicationId === undefined ? {} : { MessageDeduplicationId: deduplicationId }),
        })),
      }),
    );
    const [first] = Failed.filter(({ SenderFault }) => SenderFault === true);
    if (first !== undefined) throw refusal(queueUrl, first.Code ?? 'Refused', first.Message ?? '', false);
    return Failed.flatMap(({ Id }) => batch[Number(Id)] ?? []);
  }

  return async (messages) => {
    for (const batch of batches(messages)) {
      let left = batch;
      for (let attempt = 0; left.length > 0; attempt++) {
        if (attempt === ATTEMPTS) {
          throw refusal(queueUrl, 'NotTaken', `${left.length} messages, ${ATTEMPTS} times`, true);
        }
        try {
          left = await sendBatch(left);
        } catch (error) {
          if (error instanceof SyncError || !(error instanceof Error)) throw error;
          throw refusal(queueUrl, error.name, error.message, !NOT_RETRYABLE.has(error.name), error);
        }
      }
    }
  };
}

/** In order, each within the limits. */
function batches(messages: readonly QueueMessage[]): (readonly QueueMessage[])[] {
  const all: QueueMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const body = sendable(message.body);
    const size = utf8Length(body);
    const last = all.at(-1);
    if (last === undefined || last.length === BATCH_MESSAGES || bytes + size > BATCH_BYTES) {
      all.push([{ ...message, body }]);
      bytes = size;
    } else {
      last.push({ ...message, body });
      bytes += size;
    }
  }
  return all;
}

/**
 * The two characters that keys may have and messages may not, as JSON escapes.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
function sendable(json: string): string {
  return json.replaceAll('\ufffe', '\\ufffe').replaceAll('\uffff', '\\uffff');
}

const NOT_RETRYABLE = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'BatchRequestTooLong',
  'InvalidMessageContents',
  'QueueDoesNotExist',
]);

function refusal(
  queueUrl: string,
  code: string,
  message: string,
  retryable: boolean,
  cause?: unknown,
): SyncError {
  return new SyncError(`SendMessageBatch ${queueUrl}: ${code}: ${message}`, {
    op: 'SendMessageBatch',
    key: queueUrl,
    retryable,
    code,
    hint: 'The stack sets the queue and who may send to it: deploy it again.',
    cause,
  });
}
