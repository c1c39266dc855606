/** Builds the adapters from the environment: the only place in functions/ that does. Each once per container. */
import { Logger } from '@aws-lambda-powertools/logger';
import type { Context } from 'aws-lambda';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createDynamoLedger } from '#adapters/ledger-dynamo.ts';
import type { MirrorPorts, MirrorSettings } from '#adapters/mirror-object.ts';
import { defaultCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import { secretCredentials } from '#adapters/secret-credentials.ts';
import { createMessageRelease } from '#adapters/sqs-release.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { Destination, RetentionRule } from '#core/settings/deployment.ts';
import { destinationOf, namesOf, requiredText, retentionOf } from './environment.ts';
import type { Log } from './log.ts';
import type { BatchPorts } from './sqs-batch.ts';

const REQUEST_TIMEOUT_MS = 60_000;
/** Of the function's memory, for the bytes of streamed copies; the rest is the runtime's and the sockets'. */
const BUDGET_SHARE = 0.4;

const env = process.env;
const region = env.AWS_REGION ?? 'us-east-1';
const memoryBytes = Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 512) * 1024 * 1024;

export const liveHub = once(() => awsStore(requiredText(env, 'hubBucket'), region));
export const liveReports = once(() => awsStore(requiredText(env, 'reportsBucket'), region));
export const liveLedger = once(() => createDynamoLedger({ table: requiredText(env, 'ledgerTable') }));
export const liveDestinationNames = once((): string[] => namesOf(env, 'destinationNames'));
export const liveRetention = once((): RetentionRule[] => retentionOf(env));
export const liveMirror = once((): { ports: MirrorPorts; settings: MirrorSettings } => {
  const settings = destinationOf(env);
  const hub = liveHub();
  if (settings.endpoint === undefined && settings.bucket === hub.bucket) throw intoItself(settings);
  return {
    ports: {
      hub,
      destination: destinationStore(settings),
      ledger: liveLedger(),
      budget: createByteBudget(memoryBytes * BUDGET_SHARE),
      nowMs: Date.now,
    },
    settings: { ...settings, way: settings.endpoint === undefined ? 'server' : 'stream' },
  };
});

const credentials = once(() => defaultCredentials());
const release = once(() => createMessageRelease({ random: Math.random }));
const logger = once(() => new Logger());

/** A logger that carries the request id of this invocation. */
export function liveLog(service: string, context: Context): Log {
  const persistentKeys = { requestId: context.awsRequestId };
  const child = logger().createChild({ serviceName: service, persistentKeys });
  return {
    debug: (message, fields = {}) => child.debug(message, fields),
    info: (message, fields = {}) => child.info(message, fields),
    warn: (message, fields = {}) => child.warn(message, fields),
    error: (message, fields = {}) => child.error(message, fields),
  };
}

/** What every handler of a queue needs. */
export function liveBatch(service: string, context: Context): BatchPorts {
  return {
    log: liveLog(service, context),
    bucket: liveHub().bucket,
    remainingMs: () => context.getRemainingTimeInMillis(),
    release: release(),
  };
}

function awsStore(bucket: string, bucketRegion: string): ObjectStore {
  // Path style where an emulator stands in for AWS: its host name has no bucket in front.
  const endpoint = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  return createS3Store({
    bucket,
    region: bucketRegion,
    ...(endpoint === undefined ? {} : { endpoint }),
    addressing: endpoint === undefined ? 'virtual' : 'path',
    credentials: credentials(),
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    crc32: true,
  });
}

function destinationStore(settings: Destination): ObjectStore {
  const { bucket, endpoint, addressing } = settings;
  if (endpoint === undefined) return awsStore(bucket, settings.region);
  return createS3Store({
    bucket,
    region: settings.region,
    endpoint,
    addressing,
    credentials: secretCredentials(settings.credentials ?? ''),
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  });
}

function intoItself({ name, bucket }: Destination): SyncError {
  return new SyncError(`destination ${name} is the hub itself (${bucket})`, {
    op: 'mirror',
    retryable: false,
    code: 'MirrorIntoItself',
    hint: 'Name another bucket in sluice.yaml.',
  });
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
