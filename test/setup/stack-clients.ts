/** Queues, functions and logs of a deployed stack, as an operator with the account's rights reaches them. */
import {
  CloudWatchLogsClient,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  GetQueueAttributesCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';

/** Of the process' environment. */
export function stackClients() {
  const sqs = new SQSClient();
  const lambda = new LambdaClient();
  return {
    async send(queueUrl: string, body: string): Promise<void> {
      await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));
    },
    /** Messages that wait or are in work. */
    async waiting(queueUrl: string): Promise<number> {
      const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] }),
      );
      return names.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
    },
    /** How long a message rests that was received and neither deleted nor handed back. */
    async redeliverAfter(queueUrl: string, seconds: number): Promise<void> {
      const attributes = { VisibilityTimeout: String(seconds) };
      await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: attributes }));
    },
    /** Throws what the function threw. */
    async invoke(functionName: string, event: unknown = {}): Promise<unknown> {
      const { Payload, FunctionError } = await lambda.send(
        new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) }),
      );
      const text = Buffer.from(Payload ?? []).toString();
      if (FunctionError !== undefined) throw new Error(`${functionName}: ${text}`);
      return JSON.parse(text);
    },
    /** Everything that the functions of the stack have logged. */
    async logText(stackName: string): Promise<string> {
      const client = new CloudWatchLogsClient();
      const lines: string[] = [];
      for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, {})) {
        for (const { logGroupName = '' } of logGroups) {
          if (!logGroupName.includes(stackName)) continue;
          for await (const { events = [] } of paginateFilterLogEvents({ client }, { logGroupName })) {
            for (const { message = '' } of events) lines.push(message);
          }
        }
      }
      return lines.join('\n');
    },
  };
}
