/** How many messages a queue holds: shows that it exists, can be reached and may be read. */
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { SyncError } from '#core/errors.ts';
import type { CredentialSource } from './s3/credentials.ts';

export interface QueueDepth {
  waiting: number;
  inFlight: number;
}

const CONNECT_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 15_000;
const AWS_HOST = /^sqs\.([a-z0-9-]+)\.amazonaws\.com/;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html#API_GetQueueAttributes_Errors */
const HINTS: Readonly<Record<string, string>> = {
  QueueDoesNotExist: 'Correct the URL: it is an output of the stack.',
  AccessDenied:
    'Allow sqs:GetQueueAttributes on it to these credentials; the policies that the stack makes do.',
};

/** Both counts are approximate. Throws `SyncError` with what to do. */
export async function queueDepth(
  url: string,
  region: string,
  credentials: CredentialSource,
): Promise<QueueDepth> {
  const { host, origin } = new URL(url);
  const ofAws = AWS_HOST.exec(host)?.[1];
  const client = new SQSClient({
    region: ofAws ?? region,
    ...(ofAws === undefined ? { endpoint: origin } : {}),
    credentials,
    requestHandler: {
      connectionTimeout: CONNECT_WITHIN_MS,
      requestTimeout: ANSWER_WITHIN_MS,
      // Without it the time limit is only logged.
      throwOnRequestTimeout: true,
    },
  });
  try {
    const { Attributes = {} } = await client.send(
      new GetQueueAttributesCommand({
        QueueUrl: url,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return {
      waiting: Number(Attributes.ApproximateNumberOfMessages),
      inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
    };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw failure(url, error);
  } finally {
    client.destroy();
  }
}

function failure(url: string, error: Error): SyncError {
  const code = error.name === 'Error' && 'code' in error ? String(error.code) : error.name;
  const hint = HINTS[code];
  return new SyncError(`GetQueueAttributes ${url}: ${code}: ${error.message}`, {
    op: 'GetQueueAttributes',
    retryable: true,
    code,
    hint: hint ?? 'Is the URL right, and can this host reach it?',
    cause: error,
  });
}
