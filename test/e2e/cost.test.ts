/**
 * What 1,000 files cost on AWS, from the requests that the emulator saw. What it does itself and does not record (events
 * to the topic, polling of queues, starting of functions) is counted by how often functions ran and how many events there
 * were. Durations are those of this machine, where a function is slower than on Lambda.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import { afterAll, expect, it } from 'vitest';
import { claimPort } from '../../infra/local/port.ts';
import { agentUnderTest, agentYaml } from '../edge-agent/agent-process.ts';
import { deployDemo } from '../setup/demo-stack.ts';
import { billOf, billText } from './bill.ts';
import { startCountingProxy } from './counting-proxy.ts';
import { stackUnderTest } from './stack-under-test.ts';

const FILES = 1000;
/** Of everything that is not a PUT to a bucket, for a million files, two destinations and a file manager. */
const BUDGET_DOLLARS = 14;
const SOON = { timeout: 300_000, interval: 500 };
const port = await claimPort(0);
const proxy = await startCountingProxy(port);
const demo = await deployDemo({ port, functionsEndpoint: proxy.url });
const stack = await stackUnderTest(demo.stack);
afterAll(async () => {
  await demo.stop();
  await proxy.stop();
});

/** What each function did since: invocations and GB-seconds, from the lines that Lambda writes at the end of each. */
async function ran(
  sinceMs: number,
): Promise<{ invocations: number; gigabyteSeconds: number; logBytes: number }> {
  const logs = new CloudWatchLogsClient();
  const sum = { invocations: 0, gigabyteSeconds: 0, logBytes: 0 };
  for await (const { Functions = [] } of paginateListFunctions({ client: new LambdaClient() }, {})) {
    for (const { FunctionName = '', MemorySize = 0, LoggingConfig } of Functions) {
      if (!FunctionName.startsWith('sluice-local-')) continue;
      const logGroupName = LoggingConfig?.LogGroup ?? `/aws/lambda/${FunctionName}`;
      for await (const { events = [] } of paginateFilterLogEvents(
        { client: logs },
        { logGroupName, startTime: sinceMs },
      )) {
        for (const { message = '' } of events) {
          sum.logBytes += message.length + 26;
          const duration = /^REPORT RequestId.*?Duration: ([\d.]+) ms/.exec(message)?.[1];
          if (duration === undefined) continue;
          sum.invocations++;
          sum.gigabyteSeconds += (Number(duration) / 1000) * (MemorySize / 1024);
        }
      }
    }
  }
  return sum;
}

it('prints what a million files cost, and where it goes', async () => {
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
  const sinceMs = Date.now();
  proxy.reset();
  expect(await start('once').exit).toBe(0);
  const settled = async () =>
    (await Array.fromAsync(stack.ledger.entries())).filter(
      ({ key, etag, mirrors, delivery }) =>
        key.startsWith(prefix) &&
        mirrors.mirror?.sourceEtag === etag &&
        mirrors.offsite?.sourceEtag === etag &&
        delivery?.etag === etag,
    ).length;
  await expect.poll(settled, SOON).toBe(FILES);
  const bill = billOf(proxy.counts(), await ran(sinceMs), FILES);
  process.stdout.write(`${billText(bill)}\n`);
  // Requests are the same on every machine; a new one of each file is noticed here.
  const { puts, requests } = bill;
  expect(puts).toBeGreaterThanOrEqual(5);
  expect(requests).toBeLessThan(BUDGET_DOLLARS);
});
