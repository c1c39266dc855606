/** A stack as small as one can be that the commands take for theirs, made by CloudFormation on the emulator. */
import { randomUUID } from 'node:crypto';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  waitUntilStackCreateComplete,
} from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import { ledgerShard } from '#core/ledger-shard.ts';
import { CONTROL_ITEM, CONTROL_PARTITION, ENV, LEDGER_KEY } from '#core/names.ts';
import { runOps } from '../../../infra/ops/run.ts';
import type { Terminal } from '../../../infra/ops/terminal.ts';

/** What the state report of the stack answers. */
export const REPORT_ANSWER = {
  changes: { created: 3, deleted: 1 },
  files: { diffs: ['diff/1.csv'], html: 'html/1.html' },
  errors: [],
};
/** As the logger of the functions writes it. */
const SAID = `console.log('{"level":"WARN","message":"said by the function","n":1}')`;
const FED = ['EventReplay', 'Deliver', 'MirrorSiteB', 'Reconcile', 'ReconcileSiteB'];
const DESTINATION = { name: 'site-b', bucket: 'copies-b' };

/** A run of reconcile that found nothing. */
export const RESULT = {
  runId: 'r',
  startedMs: 0,
  endedMs: 0,
  objects: 0,
  bytes: 0,
  known: 0,
  differences: 0,
  copies: 0,
  deletes: 0,
  records: 0,
  deliveries: 0,
  held: 0,
  dryRun: false,
};

export interface Ran {
  code: number;
  /** Lines of stdout. */
  printed: string;
  /** Lines of stderr. */
  noted: string;
}

export async function opsStack() {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: inject('endpoint'),
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const name = `ops-${randomUUID().slice(0, 8)}`;
  const outputs = await createStack(name);
  const output = (key: string) => {
    const value = outputs[key];
    if (value === undefined) throw new Error(`no output ${key}`);
    return value;
  };
  const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
  const s3 = new S3Client({ forcePathStyle: true });
  const table = DynamoDBDocumentClient.from(new DynamoDBClient());
  const putItem = (partition: string, sort: string, item: object) =>
    table.send(
      new PutCommand({
        TableName: output('LedgerName'),
        Item: { [LEDGER_KEY.partition]: partition, [LEDGER_KEY.sort]: sort, ...item },
      }),
    );
  return {
    name,
    output,
    progress: () => shown.progress,
    ops: (...args: string[]) => ops([...args, '--stack', name]),
    opsAsked: (answer: string, ...args: string[]) => ops([...args, '--stack', name], answer),
    send: (queue: string, body: string, more: Partial<SendMessageCommandInput> = {}) =>
      sqs.send(new SendMessageCommand({ QueueUrl: output(queue), MessageBody: body, ...more })),
    /** Taken out for good. */
    async receive(queue: string): Promise<Message[]> {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: output(queue),
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ['All'],
          MessageSystemAttributeNames: ['All'],
        }),
      );
      for (const { ReceiptHandle } of Messages) {
        await sqs.send(new DeleteMessageCommand({ QueueUrl: output(queue), ReceiptHandle }));
      }
      return Messages;
    },
    async waiting(queue: string): Promise<number> {
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: output(queue),
          AttributeNames: ['ApproximateNumberOfMessages'],
        }),
      );
      return Number(Attributes?.ApproximateNumberOfMessages);
    },
    putObject: (bucket: string, Key: string, Body: string) =>
      s3.send(new PutObjectCommand({ Bucket: output(bucket), Key, Body })),
    async objectText(bucket: string, Key: string): Promise<string> {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: output(bucket), Key }));
      return (await Body?.transformToString()) ?? '';
    },
    async keys(bucket: string, Prefix: string): Promise<string[]> {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: output(bucket), Prefix }));
      return Contents.map(({ Key = '' }) => Key);
    },
    putControl: (control: string, value: object) =>
      putItem(CONTROL_PARTITION, control, {
        [CONTROL_ITEM.json]: JSON.stringify(value),
        [CONTROL_ITEM.revision]: 1,
      }),
    putRow: (key: string, row: object) => putItem(String(ledgerShard(key)), key, row),
  };
}

/** What a command that runs has last said it waits for. */
const shown = { progress: '' };

/** Runs a command line; `answer` is what is typed when the command asks, nobody is there without it. */
export async function ops(args: readonly string[], answer?: string): Promise<Ran> {
  const printed: string[] = [];
  const noted: string[] = [];
  const terminal: Terminal = {
    print: (text) => void printed.push(text),
    note: (text) => void noted.push(text),
    progress: (text) => {
      shown.progress = text ?? shown.progress;
    },
    paint: (_style, text) => text,
    ask: async (question) => {
      if (answer !== undefined) noted.push(question);
      return answer;
    },
  };
  const code = await runOps(args, { environment: process.env, cwd: '/', terminal, pollMs: 50 });
  return { code, printed: printed.join('\n'), noted: noted.join('\n') };
}

async function createStack(name: string): Promise<Record<string, string>> {
  const cloudFormation = new CloudFormationClient();
  await cloudFormation.send(
    new CreateStackCommand({
      StackName: name,
      TemplateBody: JSON.stringify(template(name)),
      Capabilities: ['CAPABILITY_IAM'],
    }),
  );
  await waitUntilStackCreateComplete(
    { client: cloudFormation, maxWaitTime: 60, minDelay: 0.2, maxDelay: 0.5 },
    { StackName: name },
  );
  const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
  const Outputs = Stacks[0]?.Outputs ?? [];
  return Object.fromEntries(Outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
}

function template(stack: string): object {
  const resources: Record<string, object> = {
    Hub: { Type: 'AWS::S3::Bucket', Properties: { BucketName: `${stack}-hub` } },
    Reports: { Type: 'AWS::S3::Bucket', Properties: { BucketName: `${stack}-reports` } },
    Ledger: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: LEDGER_KEY.partition, AttributeType: 'S' },
          { AttributeName: LEDGER_KEY.sort, AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: LEDGER_KEY.partition, KeyType: 'HASH' },
          { AttributeName: LEDGER_KEY.sort, KeyType: 'RANGE' },
        ],
      },
    },
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ],
        },
      },
    },
    StateReportLambda: lambda(`${stack}-report`, JSON.stringify(REPORT_ANSWER)),
    RetentionLambda: lambda(`${stack}-retention`, 'event'),
    SchedulesDlq: { Type: 'AWS::SQS::Queue', Properties: { QueueName: `${stack}-schedules` } },
  };
  const outputs: Record<string, object> = {
    HubName: { Ref: 'Hub' },
    ReportsName: { Ref: 'Reports' },
    LedgerName: { Ref: 'Ledger' },
    StateReport: { Ref: 'StateReportLambda' },
    Retention: { Ref: 'RetentionLambda' },
    SchedulesDlqUrl: { Ref: 'SchedulesDlq' },
  };
  for (const id of FED) {
    const fifo = id === 'Deliver';
    const queue = (suffix: string) => ({
      Type: 'AWS::SQS::Queue',
      Properties: {
        QueueName: `${stack}-${id}${suffix}${fifo ? '.fifo' : ''}`,
        VisibilityTimeout: 30,
        ...(fifo ? { FifoQueue: true } : {}),
      },
    });
    resources[`${id}Queue`] = queue('');
    resources[`${id}Dlq`] = queue('-dead');
    resources[`${id}Lambda`] = lambda(`${stack}-${id}`, '{}', {
      ...(id.endsWith('SiteB') ? { [ENV.destination]: JSON.stringify(DESTINATION) } : {}),
    });
    // The functions do not take messages out of the queues: these tests look at them.
    resources[`${id}Unused`] = { Type: 'AWS::SQS::Queue', Properties: {} };
    resources[`${id}Mapping`] = {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        FunctionName: { Ref: `${id}Lambda` },
        EventSourceArn: { 'Fn::GetAtt': [`${id}Unused`, 'Arn'] },
      },
    };
    Object.assign(outputs, {
      [id]: { Ref: `${id}Lambda` },
      [`${id}QueueUrl`]: { Ref: `${id}Queue` },
      [`${id}DlqUrl`]: { Ref: `${id}Dlq` },
    });
  }
  return {
    Resources: resources,
    Outputs: Object.fromEntries(Object.entries(outputs).map(([key, Value]) => [key, { Value }])),
  };
}

function lambda(name: string, answer: string, variables: Record<string, string> = {}): object {
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      FunctionName: name,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      Code: { ZipFile: `exports.handler = async (event) => { ${SAID}; return ${answer}; };` },
      Environment: { Variables: { NONE: 'none', ...variables } },
    },
  };
}
