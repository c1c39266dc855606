/**
 * What a bucket of MinIO tells of its changes while it is listened to. Nothing is kept for who does not listen: after
 * every gap only a comparison tells what happened, so each beginning is told to the caller.
 * https://min.io/docs/minio/linux/developers/go/API.html#ListenBucketNotification
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SyncError } from '#core/errors.ts';
import { backoffMs } from '#core/retry.ts';
import { eventsOfNotification, type ObjectEvent } from '#core/s3-event.ts';
import { createWire, type Wire, type WireOptions } from './wire.ts';

export type ListenState =
  /** From now on changes are told; whatever happened before was not. */
  | { now: 'listening' }
  /** Tried again. */
  | { now: 'away'; error: SyncError }
  /** The store has no such notifications; it is not asked again. */
  | { now: 'unsupported'; reason: string };

export interface Listener {
  onEvents(events: readonly ObjectEvent[]): void;
  /** Called with every change of the state, the first one included. */
  onState(state: ListenState): void;
}

const OP = 'ListenBucketNotification';
const EVENTS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'];
/** MinIO answers only with the first event or ping; every ping also shows that the connection lives. */
const PING_SECONDS = 2;
const SILENCE_MS = 15_000;
const AGAIN = { baseDelayMs: 1_000, maxDelayMs: 60_000 };
/** A connection that held so long was a good one: the next failure is a new one. */
const HELD_MS = 60_000;
/** Notifications have one event of at most a few KiB. */
const MAX_LINE_BYTES = 1024 * 1024;
/** What stores answer who do not know the request. */
const UNKNOWN_REQUEST =
  /^(?:NotImplemented|MethodNotAllowed|InvalidArgument|InvalidRequest|HTTP 4(?:00|05))$/;

/** Listens until `stop`, which resolves when nothing more is told. `random`: uniform in [0, 1). */
export function listenToBucket(
  options: WireOptions,
  prefix: string,
  listener: Listener,
  random: () => number = Math.random,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  // Its own connection; who is not answered asks again here, not below.
  const wire = createWire({
    ...options,
    idleTimeoutMs: SILENCE_MS,
    requestTimeoutMs: SILENCE_MS,
    retry: { attempts: 1, baseDelayMs: 0, maxDelayMs: 0 },
  });

  async function listen(): Promise<void> {
    for (let failures = 1; !stopping.signal.aborted; failures++) {
      let heardAtMs = Number.POSITIVE_INFINITY;
      try {
        const unsupported = await hear(wire, prefix, stopping.signal, {
          ...listener,
          onState(state) {
            heardAtMs = performance.now();
            listener.onState(state);
          },
        });
        if (unsupported !== undefined) return listener.onState({ now: 'unsupported', reason: unsupported });
      } catch (error) {
        if (!(error instanceof SyncError)) throw error;
        if (stopping.signal.aborted) return;
        if (UNKNOWN_REQUEST.test(error.code ?? '')) {
          return listener.onState({ now: 'unsupported', reason: error.message });
        }
        listener.onState({ now: 'away', error: error.code === 'ETIMEDOUT' ? silent(error) : error });
      }
      if (performance.now() - heardAtMs > HELD_MS) failures = 1;
      await pause(backoffMs(AGAIN, failures, 0.5 + random() / 2), stopping.signal);
    }
  }

  const ended = listen();
  return {
    async stop() {
      stopping.abort();
      await ended;
      await wire.close();
    },
  };
}

/** Until the connection ends, which is an error; answers why when the store does not know the request. */
async function hear(
  wire: Wire,
  prefix: string,
  signal: AbortSignal,
  { onEvents, onState }: Listener,
): Promise<string | undefined> {
  const query = { prefix, suffix: '', events: EVENTS, ping: String(PING_SECONDS) };
  const { headers, body } = await wire.send({ op: OP, method: 'GET', query, signal });
  // Other stores take the request for a listing.
  if (!(headers['content-type'] ?? '').startsWith('text/event-stream')) {
    await body.dump();
    return 'the store answers as to another request';
  }
  onState({ now: 'listening' });
  for await (const line of linesOf(body)) {
    const events = eventsOf(line, wire.bucket);
    if (events.length > 0) onEvents(events);
  }
  throw fault(wire.bucket, 'the store ended the connection', 'Ended');
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_BYTES) throw fault('', 'a line does not end', 'BadNotification');
    yield* lines;
  }
}

function eventsOf(line: string, bucket: string): ObjectEvent[] {
  if (line.trim() === '') return [];
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw fault(bucket, `what came is not JSON: ${error.message}`, 'BadNotification');
  }
  // A ping.
  if (typeof value === 'object' && value !== null && 'Records' in value && value.Records === null) return [];
  return eventsOfNotification(value);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal, ref: false });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
  }
}

/**
 * MinIO wrapped its answers in October 2025 so that nothing of an endless one is ever sent (commit 52eee5a2f, #21651);
 * who asks such a build is not answered at all.
 */
function silent(error: SyncError): SyncError {
  return new SyncError(error.message, {
    op: OP,
    retryable: true,
    code: 'ETIMEDOUT',
    hint: 'MinIO of October 2025 and later holds these notifications back: use its webhook (notifications.webhook), or set notifications: off.',
    cause: error,
  });
}

function fault(bucket: string, what: string, code: string): SyncError {
  return new SyncError(`${OP} ${bucket}: ${what}`, { op: OP, retryable: true, code });
}
