/** The deployed stack as a test sees it: hub, destinations, ledger, queues, functions. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { inject } from 'vitest';
import { createDynamoLedger } from '#adapters/ledger-dynamo.ts';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import type { Credentials } from '#adapters/s3/sigv4.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { FileManagerCall } from '../../infra/local/file-manager.ts';
import { localFunctionUrl } from '../../infra/local/surroundings.ts';
import type { DeployedStack } from '../setup/demo-stack.ts';
import { adoptEnvironment } from '../setup/environment.ts';
import { stackClients } from '../setup/stack-clients.ts';

const OPS = join(import.meta.dirname, '../../infra/ops/main.ts');

export async function stackUnderTest(deployed: DeployedStack = inject('stack')) {
  const { endpoint, environment, outputs, policiesEnforced, fileManager } = deployed;
  await adoptEnvironment(environment);
  const output = (key: string): string => {
    const value = outputs[key];
    if (value === undefined)
      throw new Error(`the stack has no output ${key}: ${Object.keys(outputs).join(', ')}`);
    return value;
  };
  const root = {
    accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
  };
  const store = (bucket: string, credentials: Credentials = root): ObjectStore =>
    createS3Store({
      bucket,
      endpoint,
      region: 'us-east-1',
      addressing: 'path',
      credentials: fixedCredentials(credentials),
    });
  const sqs = new SQSClient();
  return {
    ...stackClients(),
    endpoint,
    environment,
    /** Credentials of the account's root. */
    root,
    policiesEnforced,
    output,
    store,
    /** The function URL, as the emulator serves it. */
    ingestUrl: localFunctionUrl(endpoint, output('IngestUrl')),
    hub: store(output('HubName')),
    reports: store(output('ReportsName')),
    mirrors: [store('sluice-local-mirror'), store('sluice-local-offsite')],
    ledger: createDynamoLedger({ table: output('LedgerName') }),
    fileManager: {
      url: fileManager,
      /** Every call that the file manager was sent, oldest first. */
      async calls(): Promise<FileManagerCall[]> {
        return (await (await fetch(`${fileManager}/calls`)).json()) as FileManagerCall[];
      },
    },
    /** A command as an operator gives it; answers what it printed and its exit code. */
    ops(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
      return new Promise((resolve) => {
        execFile(
          process.execPath,
          [OPS, ...args, '--stack', 'sluice-local'],
          { env: { ...process.env, ...environment, NO_COLOR: '1' } },
          (error, stdout, stderr) =>
            resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
        );
      });
    },
    async receive(queueUrl: string, credentials?: Credentials): Promise<string[]> {
      const client = credentials === undefined ? sqs : new SQSClient({ credentials });
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 1 }),
      );
      return Messages.map(({ Body }) => Body ?? '');
    },
  };
}
