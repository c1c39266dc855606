/** A predecessor's configuration, imported with `ops import` and deployed with the real CDK to the emulator. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { inject, vi } from 'vitest';
import { createDynamoLedger } from '#adapters/ledger-dynamo.ts';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import type { ObjectStore } from '#core/ports.ts';
import { bootstrap, deploy } from '../../infra/local/cdk.ts';
import { clientEnvironment } from '../../infra/local/emulator.ts';
import { storeCredentials } from '../edge-agent/agent-process.ts';
import { adoptEnvironment } from '../setup/environment.ts';
import { stackClients } from '../setup/stack-clients.ts';

const projectDir = join(import.meta.dirname, '../..');
const OPS = join(projectDir, 'infra/ops/main.ts');

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

export type DeployedSystem = Awaited<ReturnType<typeof deployImported>>;

/** Where AWS is: the emulator, also when the store under test is another one. */
const awsEndpoint = (): string => inject('cdnEndpoint') ?? inject('endpoint');

/** A bucket of the store under test. */
export function storeAt(bucket: string): ObjectStore {
  return createS3Store({
    bucket,
    endpoint: inject('endpoint'),
    region: 'us-east-1',
    addressing: 'path',
    credentials: fixedCredentials(storeCredentials()),
  });
}

/** Runs `npm run ops -- …` as an operator does. */
function ops(args: readonly string[]): Promise<Ended> {
  const environment = { ...process.env, ...clientEnvironment(awsEndpoint()), NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [OPS, ...args], { env: environment }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
}

/** Prints what `ops import` makes of the environment file, whose lines are given as an object. */
export async function importOld(
  system: 's3-sync-service' | 'relic',
  environment: Readonly<Record<string, string>>,
  ...more: string[]
): Promise<Ended> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-import-'));
  try {
    const file = join(directory, 'old.env');
    const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(file, lines.join(''));
    return await ops(['import', system, file, ...more]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Imports the environment file, creates its secrets, and deploys the result.
 *
 * @param change the imported sluice.yaml, as its owner would edit it
 */
export async function deployImported(
  system: 's3-sync-service' | 'relic',
  environmentFile: Readonly<Record<string, string>>,
  name: string,
  change: (yaml: string) => string = (yaml) => yaml,
) {
  const environment = clientEnvironment(awsEndpoint());
  await adoptEnvironment(environment);
  const imported = await importOld(system, environmentFile, '--name', name, '--create-secrets');
  if (imported.code !== 0) throw new Error(`ops import ended with ${imported.code}: ${imported.stderr}`);
  const runDir = mkdtempSync(join(tmpdir(), 'sluice-system-'));
  try {
    const settingsFile = join(runDir, 'sluice.yaml');
    writeFileSync(settingsFile, change(imported.stdout));
    const options = { projectDir, runDir, settingsFile, environment };
    await oneAtATime(() => bootstrap(options));
    const outputs = await deploy(options);
    const output = (key: string): string => {
      const value = outputs[key];
      if (value === undefined) throw new Error(`no output ${key}: ${Object.keys(outputs).join(', ')}`);
      return value;
    };
    const { SecretString = '{}' } = await new SecretsManagerClient().send(
      new GetSecretValueCommand({ SecretId: `${name}/ingest` }),
    );
    const { token } = JSON.parse(SecretString) as { token: string };
    /** The function URL, as the emulator serves it. */
    const ingestUrl = `${awsEndpoint()}/_aws/lambda-url/${new URL(output('IngestUrl')).host.split('.')[0]}/`;
    return {
      ...stackClients(),
      name,
      imported,
      output,
      token,
      ingestUrl,
      ops: (...args: string[]) => ops([...args, '--stack', name]),
      ledger: createDynamoLedger({ table: output('LedgerName') }),
      reports: createS3Store({
        bucket: output('ReportsName'),
        endpoint: awsEndpoint(),
        region: 'us-east-1',
        addressing: 'path',
        credentials: fixedCredentials({ accessKeyId: 'test', secretAccessKey: 'test' }),
      }),
      /** Posts an event, or what wraps one; answers the status. */
      async ingest(body: unknown): Promise<number> {
        const { status } = await fetch(ingestUrl, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        return status;
      },
    };
  } finally {
    rmSync(runDir, { recursive: true, force: true });
  }
}

/** Test files share an emulator, and two bootstraps at once end each other. */
async function oneAtATime(work: () => Promise<void>): Promise<void> {
  const lock = join(tmpdir(), `sluice-bootstrap-${new URL(awsEndpoint()).port}`);
  await vi.waitUntil(() => tookLock(lock), { timeout: 300_000, interval: 200 });
  try {
    await work();
  } finally {
    rmSync(lock, { recursive: true });
  }
}

/** Of a directory only one process is the maker. */
function tookLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}
