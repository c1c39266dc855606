/** The real agent as a process on a folder of its own, and a bucket of its own on a real S3 server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { inject, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import type { ObjectStore } from '#core/ports.ts';

export const AGENT_MAIN = join(import.meta.dirname, '../../edge-agent/main.ts');

/** Where an agent under test works. */
export interface Place {
  /** A directory of its own; everything below it goes with the test. */
  base: string;
  /** The watched folder: `output` in it. */
  folder: string;
  bucket: string;
  endpoint: string;
}

export interface AgentUnderTest extends Place {
  config: string;
  /** The bucket, past whatever stands between it and the agent. */
  store: ObjectStore;
  start(command: string, ...more: string[]): RunningAgent;
}

export interface RunningAgent {
  process: ChildProcess;
  output(): string;
  /** Resolves once the output has the text; rejects when the agent ends before. */
  says(text: string): Promise<void>;
  exit: Promise<number | string>;
}

export interface AgentOptions {
  /** Absent: a new one. */
  bucket?: string;
  endpoint?: string;
  /** Beside the store's credentials; `undefined` takes a variable away. */
  environment?: Record<string, string | undefined>;
  wrapper?: string[];
  /** Another build of the agent. */
  program?: string[];
  /** The text of agent.yaml; absent: one folder in mode `move`. */
  config?: (place: Place) => string;
}

export async function agentUnderTest(options: AgentOptions = {}): Promise<AgentUnderTest> {
  const base = mkdtempSync(join(tmpdir(), 'sluice-agent-'));
  const folder = join(base, 'output');
  mkdirSync(folder);
  const bucket = options.bucket ?? (await newBucket());
  const endpoint = options.endpoint ?? inject('endpoint');
  const config = join(base, 'agent.yaml');
  const place = { base, folder, bucket, endpoint };
  writeFileSync(config, options.config?.(place) ?? agentYaml(place));
  const store = createS3Store({
    bucket,
    // The suites on a deployed stack have no other server than the one they name.
    endpoint: inject('endpoint') ?? endpoint,
    region: 'us-east-1',
    addressing: 'path',
    credentials: fixedCredentials(storeCredentials()),
  });
  const environment = { SLUICE_STATE_DIRECTORY: join(base, 'state'), ...options.environment };
  const running: RunningAgent[] = [];
  onTestFinished(async () => {
    for (const { process: child } of running) if (child.exitCode === null) child.kill('SIGKILL');
    await Promise.all(running.map(({ exit }) => exit));
    await store.close();
    rmSync(base, { recursive: true, force: true });
  });
  return {
    ...place,
    config,
    store,
    start(command, ...more) {
      const agent = startAgent([command, '--config', config, ...more], { ...options, environment });
      running.push(agent);
      return agent;
    },
  };
}

/** Of the server that the suite runs on. */
export function storeCredentials(): { accessKeyId: string; secretAccessKey: string } {
  return inject('storeCredentials') ?? { accessKeyId: 'test', secretAccessKey: 'test' };
}

/** One folder on the place; mode `move` unless the settings say otherwise. */
export function agentYaml(
  { base, folder, bucket, endpoint }: Place,
  folderSettings: Record<string, unknown> = {},
  settings: Record<string, unknown> = {},
): string {
  return stringify({
    store: { bucket, endpoint },
    stateDirectory: join(base, 'state'),
    folders: [{ name: 'output', path: folder, prefix: 'output/', ...folderSettings }],
    log: { level: 'DEBUG' },
    ...settings,
  });
}

async function newBucket(): Promise<string> {
  const bucket = `agent-${randomUUID()}`;
  const client = new S3Client({
    endpoint: inject('endpoint'),
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: storeCredentials(),
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  return bucket;
}

function startAgent(
  args: string[],
  {
    environment = {},
    wrapper = [],
    program = [process.execPath, AGENT_MAIN],
  }: Pick<AgentOptions, 'environment' | 'wrapper' | 'program'>,
): RunningAgent {
  const [command = '', ...before] = [...wrapper, ...program];
  const { accessKeyId, secretAccessKey } = storeCredentials();
  const child = spawn(command, [...before, ...args], {
    env: {
      PATH: process.env.PATH,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      NO_COLOR: '1',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const waiters = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const check of waiters) check();
    });
  }
  const exit = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? signal ?? '')),
  );
  return {
    process: child,
    output: () => output,
    exit,
    says: (text) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (!output.includes(text)) return;
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        check();
        void exit.then((code) =>
          reject(new Error(`the agent ended (${code}) without saying ${text}:\n${output}`)),
        );
      }),
  };
}
