/**
 * Builds the adapters from the environment, each once per container. What all functions need is here; what only some need
 * is in a live-*.ts beside it, so that it is not in the bundles of the others. No other files of functions/ build any.
 */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics as EmfMetrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Context } from 'aws-lambda';
import { createDynamoControls } from '#adapters/controls-dynamo.ts';
import { createDeliveryQueue } from '#adapters/delivery-queue-sqs.ts';
import { createDynamoLedger } from '#adapters/ledger-dynamo.ts';
import { defaultCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store, type S3Store } from '#adapters/s3/store.ts';
import { secretCredentials } from '#adapters/secret-credentials.ts';
import { createMessageRelease } from '#adapters/sqs-release.ts';
import { ENV, METRIC_NAMESPACE, type Metric, metricNamespace } from '#core/names.ts';
import type { DeliveryQueue } from '#core/ports.ts';
import * as z from '#core/schema.ts';
import type { StorePlace } from '#core/settings/store-place.ts';
import { quirksOf, type StoreType } from '#core/store-type.ts';
import { hubPlaceOf, isSet, requiredText, settingOf } from './environment.ts';
import { gatheredLog } from './gathered-log.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { BatchPorts } from './sqs-batch.ts';

const REQUEST_TIMEOUT_MS = 60_000;
export const env = process.env;
export const region = env.AWS_REGION ?? 'us-east-1';

export const liveHub = once(() => storeAt(hubPlaceOf(env, region)));
export const liveReports = once(() => storeAt({ bucket: requiredText(env, 'reportsBucket'), region }));
const places = once(() => settingOf(env, 'destinationPlaces', z.record(z.string(), z.string())));
export const liveLedger = once(() =>
  createDynamoLedger({ table: requiredText(env, 'ledgerTable'), places: places() }),
);
export const liveDestinationNames = once((): string[] => Object.keys(places()));
/** Absent: nobody is told of changes. */
export const liveDeliveries = once((): DeliveryQueue | undefined =>
  isSet(env, 'deliveryQueue')
    ? createDeliveryQueue({ queueUrl: requiredText(env, 'deliveryQueue') })
    : undefined,
);
export const liveControls = once(() => createDynamoControls({ table: requiredText(env, 'ledgerTable') }));
export const credentials = once(() => defaultCredentials());
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
  const stack = env[ENV.stack];
  const emf = new EmfMetrics({
    namespace: stack === undefined ? METRIC_NAMESPACE : metricNamespace(stack),
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

/** Gives a batch what every handler of a queue needs; its gathered lines are written however it ends. */
export async function liveBatch<Answer>(
  service: string,
  context: Context,
  work: (ports: BatchPorts) => Promise<Answer>,
): Promise<Answer> {
  const log = gatheredLog(liveLog(service, context));
  try {
    return await work({
      log,
      bucket: liveHub().bucket,
      remainingMs: () => context.getRemainingTimeInMillis(),
      release: (message, setback) => release()(message, setback),
    });
  } finally {
    log.flush();
  }
}

export function storeAt(place: StorePlace): S3Store {
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

export function typeOf({ type, endpoint }: StorePlace): StoreType {
  return type ?? (endpoint === undefined ? 'aws' : 'other');
}

function unitOf(metric: Metric) {
  if (metric.endsWith('Bytes')) return MetricUnit.Bytes;
  return metric.endsWith('Ms') ? MetricUnit.Milliseconds : MetricUnit.Count;
}

export function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
