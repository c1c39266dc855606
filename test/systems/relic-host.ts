/** Relic's job as an agent on the host does it, on the configuration that `sluice-agent import relic` prints. */
import { request } from 'node:http';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import type { ObjectStore } from '#core/ports.ts';
import {
  agentUnderTest,
  type Place,
  type RunningAgent,
  storeCredentials,
} from '../edge-agent/agent-process.ts';
import { importing } from './imported-config.ts';
import type { RelicRun, RelicUnderTest, RelicWay } from './relic-way.ts';

export const host: RelicWay = {
  name: 'on the host',
  async prepare({ environment = {}, sourceEndpoint, targetEndpoint, change } = {}): Promise<RelicUnderTest> {
    const { accessKeyId, secretAccessKey } = storeCredentials();
    const keys = {
      MINIO_ACCESS_KEY: accessKeyId,
      MINIO_SECRET_KEY: secretAccessKey,
      S3_SYNC_ACCESS_KEY: accessKeyId,
      S3_SYNC_SECRET_KEY: secretAccessKey,
    };
    const documented = ({ bucket, endpoint }: Place) => {
      const lines = {
        ...keys,
        S3_SYNC_ENABLED: 'true',
        S3_SYNC_BUCKET: targetOf(bucket),
        S3_SYNC_ENDPOINT: targetEndpoint ?? endpoint,
        S3_SYNC_INTERVAL: '3600',
        MINIO_ENDPOINT: sourceEndpoint ?? endpoint,
        MINIO_BUCKET: bucket,
        ...environment,
      };
      return Object.entries(lines)
        .map(([name, value]) => `${name}=${value}\n`)
        .join('');
    };
    const agent = await agentUnderTest({
      environment: {
        ...keys,
        AWS_ACCESS_KEY_ID: undefined,
        AWS_SECRET_ACCESS_KEY: undefined,
        HOOK_TOKEN: 'hook-token',
      },
      config: importing('relic', documented, change),
    });
    const target = storeAt(targetOf(agent.bucket));
    onTestFinished(() => target.close());

    return {
      source: agent.store,
      target,
      targetBucket: targetOf(agent.bucket),
      start: () => running(agent.start('run')),
      async runOnce() {
        const once = agent.start('once');
        return { ok: (await once.exit) === 0, output: once.output() };
      },
      async status() {
        const told = agent.start('status', '--json');
        await told.exit;
        const [first] = JSON.parse(told.output()).buckets;
        return {
          waiting: first.waiting,
          parked: first.parked,
          held: first.held,
          objects: first.objects,
          state: first.live?.state,
        };
      },
      async retry() {
        await agent.start('retry', '--bucket', 'relic').exit;
      },
      async approveDeletes() {
        await agent.start('approve-deletes', '--bucket', 'relic').exit;
      },
      metrics: () => textFrom(join(agent.base, 'state/status.sock'), '/metrics'),
    };
  },
};

export function storeAt(bucket: string): ObjectStore & { close(): Promise<void> } {
  return createS3Store({
    bucket,
    region: 'us-east-1',
    endpoint: inject('endpoint'),
    addressing: 'path',
    credentials: fixedCredentials(storeCredentials()),
  });
}

function running(agent: RunningAgent): RelicRun {
  return {
    output: agent.output,
    says: agent.says,
    async stop() {
      agent.process.kill('SIGTERM');
      return (await agent.exit) === 0;
    },
    interrupt: () => agent.process.kill('SIGTERM'),
    ended: agent.exit.then((code) => code === 0),
    kill: async () => {
      agent.process.kill('SIGKILL');
      await agent.exit;
    },
  };
}

function targetOf(bucket: string): string {
  return `${bucket}-copy`;
}

function textFrom(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, headers: { host: 'localhost' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject).end();
  });
}
