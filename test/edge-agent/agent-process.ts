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

const MAIN = join(import.meta.dirname, '../../edge-agent/main.ts');
const TEST_CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

export interface AgentUnderTest {
  /** The watched folder. */
  folder: string;
  config: string;
  store: ObjectStore;
  start(command: string, ...more: string[]): RunningAgent;
}

interface RunningAgent {
  process: ChildProcess;
  output(): string;
  /** Resolves once the output has the text; rejects when the agent ends before. */
  says(text: string): Promise<void>;
  exit: Promise<number | string>;
}

export async function agentUnderTest(
  options: {
    bucket?: string;
    endpoint?: string;
    environment?: Record<string, string>;
    wrapper?: string[];
  } = {},
): Promise<AgentUnderTest> {
  const base = mkdtempSync(join(tmpdir(), 'sluice-agent-'));
  const folder = join(base, 'output');
  mkdirSync(folder);
  const bucket = options.bucket ?? (await newBucket());
  const endpoint = options.endpoint ?? inject('endpoint');
  const config = join(base, 'agent.yaml');
  const settings = {
    store: { bucket, endpoint },
    stateDirectory: join(base, 'state'),
    folders: [{ name: 'output', path: folder, prefix: 'output/' }],
    log: { level: 'DEBUG' },
  };
  writeFileSync(config, stringify(settings));
  const store = createS3Store({
    bucket,
    endpoint,
    region: 'us-east-1',
    addressing: 'path',
    credentials: fixedCredentials(TEST_CREDENTIALS),
  });
  const running: RunningAgent[] = [];
  onTestFinished(async () => {
    for (const { process: child } of running) if (child.exitCode === null) child.kill('SIGKILL');
    await Promise.all(running.map(({ exit }) => exit));
    await store.close();
    rmSync(base, { recursive: true, force: true });
  });
  return {
    folder,
    config,
    store,
    start(command, ...more) {
      const agent = startAgent([command, '--config', config, ...more], options.environment, options.wrapper);
      running.push(agent);
      return agent;
    },
  };
}

async function newBucket(): Promise<string> {
  const bucket = `agent-${randomUUID()}`;
  const client = new S3Client({
    endpoint: inject('endpoint'),
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: TEST_CREDENTIALS,
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  return bucket;
}

function startAgent(
  args: string[],
  environment: Record<string, string> = {},
  wrapper: string[] = [],
): RunningAgent {
  const [program = '', ...before] = [...wrapper, process.execPath];
  const child = spawn(program, [...before, MAIN, ...args], {
    env: {
      PATH: process.env.PATH,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
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
