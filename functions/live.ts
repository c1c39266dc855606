/** Builds the adapters from the environment: the only place in functions/ that does. Each once per container. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics as EmfMetrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Context } from 'aws-lambda';
import { z } from 'zod';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createCdn } from '#adapters/cdn-cloudfront.ts';
import { createDynamoControls } from '#adapters/controls-dynamo.ts';
import { createDeleteGuard } from '#adapters/delete-permit.ts';
import { createDeliveryQueue } from '#adapters/delivery-queue-sqs.ts';
import { createHttpFileManager } from '#adapters/file-manager-http.ts';
import { createDynamoLedger } from '#adapters/ledger-dynamo.ts';
import { createLookQueue } from '#adapters/look-queue-sqs.ts';
import type { MirrorPorts, MirrorSettings } from '#adapters/mirror-object.ts';
import type { ReconcilePorts } from '#adapters/reconcile.ts';
import type { SegmentSettings } from '#adapters/reconcile-segment.ts';
import { createReportSender } from '#adapters/report-http.ts';
import { defaultCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store, type S3Store } from '#adapters/s3/store.ts';
import { secretReader, secretSigningKey } from '#adapters/secret.ts';
import { secretCredentials } from '#adapters/secret-credentials.ts';
import { queueDepth } from '#adapters/sqs-depth.ts';
import { createMessageRelease } from '#adapters/sqs-release.ts';
import { createQueueSender } from '#adapters/sqs-send.ts';
import { stackQueues } from '#adapters/stack-outputs.ts';
import { createSnsTopic } from '#adapters/topic-sns.ts';
import { createBreaker } from '#core/breaker.ts';
import { LEDGER } from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import { METRIC_NAMESPACE, type Metric } from '#core/names.ts';
import type { DeliveryQueue } from '#core/ports.ts';
import { type ReconcileMessage, reconcileText } from '#core/reconcile-message.ts';
import type { Destination } from '#core/settings/destination.ts';
import type { RetentionRule } from '#core/settings/retention-rule.ts';
import { type StorePlace, samePlace } from '#core/settings/store-place.ts';
import { quirksOf, type StoreType } from '#core/store-type.ts';
import { createBearerCheck } from './bearer-token.ts';
import type { DeliverPorts } from './deliver-key.ts';
import {
  destinationOf,
  fileManagerOf,
  hubPlaceOf,
  isSet,
  millisecondsOf,
  namesOf,
  reportOf,
  requiredText,
  retentionOf,
} from './environment.ts';
import type { IngestPorts } from './ingest.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { BatchPorts } from './sqs-batch.ts';

const REQUEST_TIMEOUT_MS = 60_000;
/** Of the function's memory, for the bytes of streamed copies; the rest is the runtime's and the sockets'. */
const BUDGET_SHARE = 0.4;

/** Failures of the file manager in a row, each after the retries of its call; then it is left alone for so long. */
const BREAKER_FAILURES = 5;
const BREAKER_COOL_DOWN_MS = 30_000;

const env = process.env;
const region = env.AWS_REGION ?? 'us-east-1';
const memoryBytes = Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 512) * 1024 * 1024;

export const liveHub = once(() => storeAt(hubPlaceOf(env, region)));
export const liveReports = once(() => storeAt({ bucket: requiredText(env, 'reportsBucket'), region }));
export const liveLedger = once(() => createDynamoLedger({ table: requiredText(env, 'ledgerTable') }));
export const liveDestinationNames = once((): string[] => namesOf(env, 'destinationNames'));
/** Every queue of the stack with its dead-letter queue, asked anew each time. */
export const liveQueues = () => stackQueues(requiredText(env, 'stack'));
/** Absent: nobody is told of changes. */
export const liveDeliveries = once((): DeliveryQueue | undefined =>
  isSet(env, 'deliveryQueue')
    ? createDeliveryQueue({ queueUrl: requiredText(env, 'deliveryQueue') })
    : undefined,
);
export const liveDeliver = once((): Omit<DeliverPorts, 'log'> => {
  const settings = fileManagerOf(env);
  return {
    hub: liveHub(),
    ledger: liveLedger(),
    fileManager: createHttpFileManager(
      settings,
      settings.secret === undefined ? undefined : secretSigningKey(settings.secret),
    ),
    breaker: createBreaker({ failures: BREAKER_FAILURES, coolDownMs: BREAKER_COOL_DOWN_MS }),
    deliveries: createDeliveryQueue({ queueUrl: requiredText(env, 'deliveryQueue') }),
    deletes: settings.deletes,
    nowMs: Date.now,
  };
});
export const liveCdn = once(() => {
  const endpoint = env.AWS_ENDPOINT_URL;
  return createCdn({
    distribution: requiredText(env, 'distribution'),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
});
export const liveStateReport = once(() => {
  const report = reportOf(env);
  return {
    ports: {
      ledger: liveLedger(),
      reports: liveReports(),
      hub: liveHub(),
      controls: liveControls(),
      queues: liveQueues,
      depth: (url: string) => queueDepth(url, region, credentials()),
      senders: report.endpoints.map((one) =>
        createReportSender(one, one.secret === undefined ? undefined : secretSigningKey(one.secret)),
      ),
      destinations: liveDestinationNames(),
      names: namesOf(env, 'agentNames'),
      missingAfterMs: millisecondsOf(env, 'missingHeartbeatMs'),
      nowMs: Date.now,
    },
    run: {
      stack: requiredText(env, 'stack'),
      timezone: isSet(env, 'timezone') ? requiredText(env, 'timezone') : 'UTC',
      fullEveryMs: report.full,
    },
  };
});
export const liveRetention = once((): RetentionRule[] => retentionOf(env));
export const liveControls = once(() => createDynamoControls({ table: requiredText(env, 'ledgerTable') }));
export const liveMirror = once((): { ports: Omit<MirrorPorts, 'remainingMs'>; settings: MirrorSettings } => {
  const settings = destinationOf(env);
  const hub = hubPlaceOf(env, region);
  if (samePlace(settings, hub)) throw intoItself(settings);
  return {
    ports: {
      hub: liveHub(),
      destination: storeAt(settings),
      ledger: liveLedger(),
      controls: liveControls(),
      guard: createDeleteGuard(liveControls(), settings.name, settings.guard, Date.now),
      looks: createLookQueue({ queueUrl: requiredText(env, 'ownQueue') }),
      budget: createByteBudget(memoryBytes * BUDGET_SHARE),
      nowMs: Date.now,
    },
    settings: {
      ...settings,
      way: oneStore(settings, hub) ? 'server' : 'stream',
      tags: settings.tags === 'auto' ? keepsTags(settings) && keepsTags(hub) : settings.tags,
    },
  };
});
export const liveReconcile = once(
  (): { ports: Omit<ReconcilePorts, 'remainingMs'>; settings: SegmentSettings } => {
    const controls = liveControls();
    const comeBack = createQueueSender(requiredText(env, 'ownQueue'));
    const shared = {
      hub: liveHub(),
      ledger: liveLedger(),
      reports: liveReports(),
      controls,
      next: (message: ReconcileMessage) => comeBack([{ body: reconcileText(message) }]),
      nowMs: Date.now,
    };
    if (!isSet(env, 'destination')) {
      const deliveries = liveDeliveries();
      return {
        ports: {
          ...shared,
          looks: createLookQueue({ queueUrl: requiredText(env, 'ledgerQueue') }),
          ...(deliveries === undefined ? {} : { deliveries }),
        },
        settings: { name: LEDGER, prefix: '', deletes: false, createBucket: false },
      };
    }
    const settings = destinationOf(env);
    if (samePlace(settings, hubPlaceOf(env, region))) throw intoItself(settings);
    return {
      ports: {
        ...shared,
        destination: storeAt(settings),
        guard: createDeleteGuard(controls, settings.name, settings.guard, Date.now),
        looks: createLookQueue({ queueUrl: requiredText(env, 'mirrorQueue') }),
      },
      settings,
    };
  },
);
export const liveIngest = once((): Pick<IngestPorts, 'authorized' | 'topic' | 'bucket'> => {
  const secret = z.object({ token: z.string().min(1) });
  const read = secretReader(requiredText(env, 'ingestToken'), secret, '{"token": "…"}');
  return {
    authorized: createBearerCheck({ readToken: async () => (await read()).token, nowMs: Date.now }),
    topic: createSnsTopic({ topicArn: requiredText(env, 'topic') }),
    bucket: hubPlaceOf(env, region).bucket,
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

/**
 * Counts of this invocation, written to the log as one line in CloudWatch's embedded metric format by `flush`.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 *
 * @param part what the function instance works on, such as the name of its destination
 */
export function liveMetrics(service: string, part?: string): Metrics {
  const emf = new EmfMetrics({
    namespace: METRIC_NAMESPACE,
    serviceName: service,
    ...(part === undefined ? {} : { defaultDimensions: { part } }),
  });
  return {
    add: (metric, value) => emf.addMetric(metric, unitOf(metric), value),
    flush: () => {
      if (emf.hasStoredMetrics()) emf.publishStoredMetrics();
    },
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

function storeAt(place: StorePlace): S3Store {
  const { bucket, credentials: secret } = place;
  const type = typeOf(place);
  const quirks = quirksOf(type);
  // Path style where an emulator stands in for AWS: its host name has no bucket in front.
  const emulator = type === 'aws' ? (env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL) : undefined;
  const endpoint = place.endpoint ?? emulator;
  return createS3Store({
    bucket,
    region: place.region,
    ...(endpoint === undefined ? {} : { endpoint }),
    addressing: place.addressing ?? (emulator === undefined ? quirks.addressing : 'path'),
    credentials: secret === undefined ? credentials() : secretCredentials(secret),
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    crc32: quirks.crc32,
  });
}

function typeOf({ type, endpoint }: StorePlace): StoreType {
  return type ?? (endpoint === undefined ? 'aws' : 'other');
}

function keepsTags(place: StorePlace): boolean {
  return quirksOf(typeOf(place)).tags;
}

/** Whether the store itself can copy from one to the other: the same service, asked with the same credentials. */
function oneStore(left: StorePlace, right: StorePlace): boolean {
  return left.endpoint === right.endpoint && left.credentials === right.credentials;
}

function intoItself({ name, bucket }: Destination): SyncError {
  return new SyncError(`destination ${name} is the hub itself (${bucket})`, {
    op: 'mirror',
    retryable: false,
    code: 'MirrorIntoItself',
    hint: 'Name another bucket in sluice.yaml.',
  });
}

function unitOf(metric: Metric) {
  if (metric.endsWith('Bytes')) return MetricUnit.Bytes;
  return metric.endsWith('Ms') ? MetricUnit.Milliseconds : MetricUnit.Count;
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
