/** The stores that are written to: the null store and MinIO. */
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store, type S3Store } from '#adapters/s3/store.ts';
import { SyncError } from '#core/errors.ts';
import { startProcessGroup } from '../../infra/local/process-group.ts';
import { startMinio } from '../setup/minio-server.ts';

/** A bucket of a server, and who may write there. */
export interface Target {
  endpoint: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
}

export interface Server {
  newBucket(): Promise<Target>;
  /** What it has, without what agents note about themselves. */
  stored(target: Target): Promise<{ objects: number; bytes: number }>;
  /** That it has seen; absent where the server does not tell. */
  requests?(): Promise<number>;
  /** Whether the object is there, without asking the server; absent where only it can tell. */
  shows?(target: Target, key: string): boolean;
}

interface Started {
  server: Server;
  stop(): Promise<void>;
}

interface SinkCounters {
  requests: Record<string, number>;
  buckets: Record<string, { objects: number; bytes: number }>;
}

const CREDENTIALS = { accessKeyId: 'sluice', secretAccessKey: randomBytes(20).toString('hex') };
const STOP_GRACE_MS = 5_000;
const NOTES = /(?:^|\/)\.sluice\//;

/** A client of the target; the caller closes it. */
export function storeOf({ endpoint, bucket, ...credentials }: Target): S3Store {
  return createS3Store({
    endpoint,
    bucket,
    region: 'us-east-1',
    addressing: 'path',
    credentials: fixedCredentials(credentials),
  });
}

export async function startSink(program: string, args: readonly string[]): Promise<Started> {
  const group = startProcessGroup(program, args, {
    cwd: '/',
    environment: {},
    output: 'pipe',
    endsWithParent: true,
  });
  const { stdout } = group.child;
  if (stdout === null) throw new TypeError('the output of the null store is a pipe');
  const first = await Promise.race([once(stdout, 'data'), group.ended]);
  if (!Array.isArray(first)) {
    throw new SyncError(`the null store ended (${first})`, { op: 'start-sink', retryable: false });
  }
  const endpoint = String(first[0]).trim();
  const counters = async () => (await (await fetch(`${endpoint}/-/counters`)).json()) as SinkCounters;
  const server: Server = {
    newBucket: async () => ({ endpoint, bucket: newName(), ...CREDENTIALS }),
    stored: async ({ bucket }) => (await counters()).buckets[bucket] ?? { objects: 0, bytes: 0 },
    requests: async () => Object.values((await counters()).requests).reduce((all, one) => all + one, 0),
  };
  return { server, stop: () => group.stop(STOP_GRACE_MS) };
}

export async function startMinioServer(program: string, directory: string): Promise<Started> {
  const { endpoint, stop } = await startMinio(program, directory, CREDENTIALS);
  const server: Server = {
    async newBucket() {
      const target = { endpoint, bucket: newName(), ...CREDENTIALS };
      await using(target, (store) => store.createBucket());
      return target;
    },
    stored: (target) =>
      using(target, async (store) => {
        const found = { objects: 0, bytes: 0 };
        for await (const { key, sizeBytes } of store.list('')) {
          if (NOTES.test(key)) continue;
          found.objects++;
          found.bytes += sizeBytes;
        }
        return found;
      }),
    // It is renamed there when it is complete. A HEAD that meets the PUT waits for its lock, up to 50 ms by chance.
    shows: ({ bucket }, key) => existsSync(join(directory, 'data', bucket, key, 'xl.meta')),
  };
  return { server, stop };
}

async function using<Value>(target: Target, work: (store: S3Store) => Promise<Value>): Promise<Value> {
  const store = storeOf(target);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function newName(): string {
  return `bench-${randomUUID()}`;
}
