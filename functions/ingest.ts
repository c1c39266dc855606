/**
 * Takes events of stores and customers that cannot reach the topic, and publishes them to it.
 *
 * Trigger: a function URL (payload format 2.0) with a bearer token. Idempotent: events are hints, a doubled one asks
 * only to look once more.
 * Steps: token -> method, type, size -> parse as the consumers will -> publish -> 200 only when all is published.
 */
import type { LambdaFunctionURLEvent, LambdaFunctionURLHandler } from 'aws-lambda';
import { SyncError } from '#core/errors.ts';
import type { EventTopic } from '#core/ports.ts';
import { ingestMessages } from './ingest-messages.ts';
import { liveLog, liveMetrics } from './live.ts';
import { liveIngest } from './live-ingest.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface IngestPorts {
  /** Answers for the Authorization header. */
  authorized: (header: string | undefined) => Promise<boolean>;
  topic: EventTopic;
  /** The bucket that events may be of. */
  bucket: string;
  log: Log;
  metrics: Metrics;
}

export interface IngestAnswer {
  statusCode: number;
  headers: Record<string, string>;
  /** JSON: `{accepted}`, the number of events, or `{error}`. */
  body: string;
}

const MAX_BODY_BYTES = 1024 * 1024;
/** `application/json`, and its kin such as `application/cloudevents+json`. */
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i;

export const handler: LambdaFunctionURLHandler = async (event, context) => {
  const log = liveLog('ingest', context);
  const metrics = liveMetrics('ingest');
  try {
    return await ingest(event, { ...liveIngest(), log, metrics });
  } finally {
    metrics.flush();
  }
};

/** Never throws for what a request holds. No answer and no line of the log repeats the token. */
export async function ingest(request: LambdaFunctionURLEvent, ports: IngestPorts): Promise<IngestAnswer> {
  const { topic, bucket, log, metrics } = ports;
  const refuse = (statusCode: number, error: string, headers: Record<string, string> = {}) => {
    metrics.add('IngestRefused', 1);
    log.warn('ingest refused', { statusCode, reason: error, sourceIp: request.requestContext.http.sourceIp });
    return answer(statusCode, { error }, headers);
  };
  try {
    const { method } = request.requestContext.http;
    if (!(await ports.authorized(request.headers.authorization))) {
      return refuse(401, 'the token is missing or wrong', { 'www-authenticate': 'Bearer' });
    }
    if (method !== 'POST') return refuse(405, `expected POST, found ${method}`, { allow: 'POST' });
    const type = request.headers['content-type'] ?? 'none';
    if (!JSON_TYPE.test(type)) return refuse(415, `expected content-type application/json, found ${type}`);
    const body = bodyOf(request);
    if (body === undefined) return refuse(422, 'the body is not UTF-8');
    if (Buffer.byteLength(body) > MAX_BODY_BYTES) {
      return refuse(413, `expected at most ${MAX_BODY_BYTES} bytes`);
    }
    const { messages, events } = ingestMessages(body, bucket);
    await topic.publish(messages);
    metrics.add('Ingested', events);
    log.info('ingested', { events, messages: messages.length });
    return answer(200, { accepted: events });
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    if (!error.retryable && REFUSALS.has(error.code ?? '')) {
      return refuse(error.code === 'TooLarge' ? 413 : 422, error.message);
    }
    metrics.add('IngestRefused', 1);
    log.error('ingest failed', { op: error.op, code: error.code, hint: error.hint, error });
    return answer(503, { error: 'not taken: send it again' }, { 'retry-after': '5' });
  }
}

/** What is the sender's to put right; everything else is ours. */
const REFUSALS = new Set(['BadEvent', 'UnknownVersion', 'WrongBucket', 'InvalidKey', 'TooLarge']);

function bodyOf({ body = '', isBase64Encoded }: LambdaFunctionURLEvent): string | undefined {
  if (!isBase64Encoded) return body;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(body, 'base64'));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return undefined;
  }
}

function answer(statusCode: number, body: object, headers: Record<string, string> = {}): IngestAnswer {
  return {
    statusCode,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}
