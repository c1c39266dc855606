/**
 * What files cost on AWS, from the requests that the emulator saw. Consumers are paused while the files come, and
 * work one after the other: so each has its own lines, and full batches, as a backlog has. What comes alone costs more:
 * docs/operations.md.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, expect, it } from 'vitest';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { queueDepth } from '#adapters/sqs-depth.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import { claimPort } from '../../infra/local/port.ts';
import { agentUnderTest, agentYaml } from '../edge-agent/agent-process.ts';
import { deployDemo } from '../setup/demo-stack.ts';
import { billOf, billText, type Part, type Ran } from './bill.ts';
import { startCountingProxy } from './counting-proxy.ts';
import { stackUnderTest } from './stack-under-test.ts';

const FILES = 400;
const SOON = { timeout: 300_000, interval: 500 };

interface Consumer {
  /** Of `ops pause`, and the output that names its function. */
  name: string;
  output: string;
  fifo?: boolean;
  /** As in infra/consumers.ts. */
  batch: number;
  /** Of the row of a file; absent: when its queue is empty. */
  done?(entry: LedgerEntry): boolean;
  /** The most requests of each file; what is rarer than `RARE` is not named. */
  requests: Record<string, number>;
}

const JOURNAL = 's3 PutObject reports';
const CONSUMERS: Consumer[] = [
  {
    name: 'ledger',
    output: 'EventReplay',
    batch: 100,
    done: ({ state }) => state === 'present',
    requests: {
      'dynamodb GetItem': 1,
      'dynamodb UpdateItem': 1,
      // One a batch, and the emulator's have 10 messages.
      [JOURNAL]: 0.1,
      'amazonsqs SendMessageBatch': 0.1,
    },
  },
  {
    name: 'mirror',
    output: 'MirrorMirror',
    batch: 10,
    done: ({ etag, mirrors }) => mirrors.mirror?.sourceEtag === etag,
    // HEAD: after the copy, whether the hub still holds what was copied.
    requests: { 's3 CopyObject mirror': 1, 's3 HeadObject hub': 1, 'dynamodb UpdateItem': 1 },
  },
  {
    name: 'offsite',
    output: 'MirrorOffsite',
    batch: 10,
    done: ({ etag, mirrors }) => mirrors.offsite?.sourceEtag === etag,
    requests: {
      's3 GetObject hub': 1,
      's3 PutObject offsite': 1,
      's3 HeadObject hub': 1,
      'dynamodb UpdateItem': 1,
    },
  },
  {
    name: 'deliver',
    output: 'Deliver',
    batch: 10,
    fifo: true,
    done: ({ etag, delivery }) => delivery?.etag === etag,
    requests: { 'dynamodb GetItem': 1, 's3 GetObject hub': 1, 'dynamodb UpdateItem': 1 },
  },
  { name: 'invalidate', output: 'Invalidate', batch: 1000, requests: { 'cloudfront POST': 0.1 } },
];
/** Reports and reconciles run meanwhile; what they ask is not of a file. */
const OF_SCHEDULES = /^(?:dynamodb Query|s3 ListObjectsV2 .*|s3 (?!PutObject).* reports)$/;
/** HEAD: whether the hub has it, before the local file goes. */
const UPLOAD = { 's3 PutObject hub': 1, 's3 HeadObject hub': 1 };
const RARE = 0.03;
/** For a million files, beside the PUTs. */
const BUDGET_DOLLARS = { others: 6.6, least: 3.3 };

const port = await claimPort(0);
const proxy = await startCountingProxy(port);
const demo = await deployDemo({ port, functionsEndpoint: proxy.url });
const stack = await stackUnderTest(demo.stack);
afterAll(async () => {
  await demo.stop();
  await proxy.stop();
});

/** Requests so far, with the role of a bucket in place of its name. */
function counts(): Record<string, number> {
  const roles = [
    [stack.output('HubName'), 'hub'],
    [stack.output('ReportsName'), 'reports'],
    ['sluice-local-', ''],
  ] as const;
  const role = (name: string) => roles.reduce((text, [bucket, is]) => text.replace(bucket, is), name);
  const named = Object.entries(proxy.counts()).map(([name, count]) => [role(name), count] as const);
  return Object.fromEntries(named.filter(([name]) => !OF_SCHEDULES.test(name)));
}

/** What a function did since: from the lines that Lambda writes at the end of each invocation. */
async function ran(output: string, sinceMs: number): Promise<Omit<Ran, 'fifo' | 'batch'>> {
  const FunctionName = stack.output(output);
  const { LoggingConfig, MemorySize = 0 } = await new LambdaClient().send(
    new GetFunctionConfigurationCommand({ FunctionName }),
  );
  const logGroupName = LoggingConfig?.LogGroup ?? `/aws/lambda/${FunctionName}`;
  const sum = { invocations: 0, gigabyteSeconds: 0, logBytes: 0 };
  const pages = paginateFilterLogEvents(
    { client: new CloudWatchLogsClient() },
    { logGroupName, startTime: sinceMs },
  );
  for await (const { events = [] } of pages) {
    for (const { message = '' } of events) {
      // 26 bytes are added to each: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
      sum.logBytes += message.length + 26;
      const duration = /^REPORT RequestId.*?Duration: ([\d.]+) ms/.exec(message)?.[1];
      if (duration === undefined) continue;
      sum.invocations++;
      sum.gigabyteSeconds += (Number(duration) / 1000) * (MemorySize / 1024);
    }
  }
  return sum;
}

/** Messages that its queue holds, those in work included. */
async function waiting(output: string): Promise<number> {
  const depth = await queueDepth(
    stack.output(`${output}QueueUrl`),
    'us-east-1',
    fixedCredentials(stack.root),
  );
  return depth.waiting + depth.inFlight;
}

async function ops(...args: string[]): Promise<void> {
  const { code, stderr } = await stack.ops(...args);
  expect(code, stderr).toBe(0);
}

it('prints what a million files cost, where it goes, and lets no request of each file be added unseen', async () => {
  await Promise.all(CONSUMERS.map(({ name }) => ops('pause', name)));
  const { folder, start } = await agentUnderTest({
    config: (place) => agentYaml(place, {}, { exclusive: false }),
    bucket: stack.output('HubName'),
    // The agent's requests are paid for too.
    endpoint: proxy.url,
    environment: stack.environment,
  });
  const run = `cost-${randomUUID()}`;
  const prefix = `output/${run}/`;
  mkdirSync(join(folder, run));
  for (let index = 0; index < FILES; index++)
    writeFileSync(join(folder, run, `f${index}`), `content ${index}`);
  proxy.reset();
  expect(await start('once').exit).toBe(0);
  const parts: Part[] = [{ name: 'upload', counts: counts() }];
  noneIsNew('upload', parts, UPLOAD);

  for (const { name, output, done, batch, fifo = false, requests } of CONSUMERS) {
    proxy.reset();
    const sinceMs = Date.now();
    await ops('resume', name);
    const settled = async () => {
      if (done === undefined) return FILES - (await waiting(output));
      const entries = await Array.fromAsync(stack.ledger.entries());
      return entries.filter((entry) => entry.key.startsWith(prefix) && done(entry)).length;
    };
    await expect.poll(settled, SOON).toBe(FILES);
    parts.push({ name, counts: counts(), ran: { ...(await ran(output, sinceMs)), fifo, batch } });
    noneIsNew(name, parts, requests);
  }
  const bill = billOf(parts, FILES);
  process.stdout.write(`${billText(bill)}\n`);
  expect(bill.puts).toBeCloseTo(10, 0);
  expect(bill.others).toBeLessThan(BUDGET_DOLLARS.others);
  expect(bill.least).toBeLessThan(BUDGET_DOLLARS.least);
}, 900_000);

function noneIsNew(part: string, parts: readonly Part[], known: Readonly<Record<string, number>>): void {
  for (const [request, count] of Object.entries(parts.find(({ name }) => name === part)?.counts ?? {})) {
    expect(count / FILES, `${part}: ${request}: of each file`).toBeLessThan((known[request] ?? 0) + RARE);
  }
}
