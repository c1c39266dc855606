/**
 * The host's queue: S3's notifications of new objects, by long polling. A message is a hint that saves waiting for the
 * next listing; it is deleted once its keys have been passed on, for what is lost after that the listing finds.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { SyncError } from '#core/errors.ts';
import { parseHubEvents } from '#core/hub-event.ts';
import type { ObjectKey } from '#core/key.ts';
import { backoffMs } from '#core/retry.ts';
import type { CredentialSource } from './s3/credentials.ts';
import type { Credentials } from './s3/sigv4.ts';

export interface HostQueueOptions {
  url: string;
  region: string;
  credentials: CredentialSource;
  /** Messages about other buckets are not ours. */
  bucket: string;
  /** A message that cannot be understood; it is deleted afterwards. */
  onMalformed(error: SyncError, body: string): void;
  /** Told with the error when polling begins to fail, and without when it begins to work. */
  onHealth(error: SyncError | undefined): void;
}

export interface HostQueue {
  /** Passes on the keys of new objects below the prefix; answers how to stop that. */
  subscribe(prefix: string, onKey: (key: ObjectKey) => void): () => void;
  /** The last poll was answered. */
  readonly working: boolean;
  /** Resolves when no request is under way. */
  close(): Promise<void>;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html */
const WAIT_SECONDS = 20;
const MESSAGES = 10;
const RETRY = { baseDelayMs: 1_000, maxDelayMs: 60_000 };
const REFUSED_CREDENTIALS = new Set(['ExpiredToken', 'ExpiredTokenException', 'InvalidClientTokenId']);

export function createHostQueue(options: HostQueueOptions): HostQueue {
  const { url, region, credentials } = options;
  let used: Credentials | undefined;
  const client = new SQSClient({
    region,
    endpoint: new URL(url).origin,
    credentials: async () => {
      used = await credentials();
      return used;
    },
  });
  const stopping = new AbortController();
  const subscribers = new Set<{ prefix: string; onKey(key: ObjectKey): void }>();
  let working: boolean | undefined;

  function passOn({ Body = '' }: Message): void {
    try {
      for (const { kind, bucket, key } of parseHubEvents(Body, options.bucket)) {
        if ((kind !== 'created' && kind !== 'look') || bucket !== options.bucket) continue;
        for (const { prefix, onKey } of subscribers) if (key.startsWith(prefix)) onKey(key);
      }
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      options.onMalformed(error, Body);
    }
  }

  async function poll(): Promise<void> {
    const request = new ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: MESSAGES,
      WaitTimeSeconds: WAIT_SECONDS,
    });
    const { Messages = [] } = await client.send(request, { abortSignal: stopping.signal });
    for (const message of Messages) passOn(message);
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    if (Entries.length === 0) return;
    // What could not be deleted comes again, and is a hint again.
    const { Failed = [] } = await client.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }));
    const [first] = Failed;
    if (first !== undefined) throw queueError(url, first.Code ?? 'Failed', first.Message ?? 'not deleted');
  }

  function healthy(error: SyncError | undefined): void {
    const was = working;
    working = error === undefined;
    if (working !== was) options.onHealth(error);
  }

  async function run(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        await poll();
        failures = 0;
        healthy(undefined);
      } catch (error) {
        if (stopping.signal.aborted) return;
        const failure = asQueueError(url, error);
        if (REFUSED_CREDENTIALS.has(failure.code ?? '') && used !== undefined) credentials.refresh(used);
        healthy(failure);
        failures++;
        const delayMs = backoffMs(RETRY, failures, 0.5 + Math.random() / 2);
        await delay(delayMs, undefined, { signal: stopping.signal }).catch(ignoreAbort);
      }
    }
  }

  const ended = run();
  return {
    subscribe(prefix, onKey) {
      const subscriber = { prefix, onKey };
      subscribers.add(subscriber);
      return () => void subscribers.delete(subscriber);
    },
    get working() {
      return working === true;
    },
    async close() {
      stopping.abort();
      await ended;
      client.destroy();
    },
  };
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}

function asQueueError(url: string, error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  if (!(error instanceof Error)) throw error;
  const code = 'code' in error ? String(error.code) : error.name;
  return queueError(url, code, error.message, error);
}

function queueError(url: string, code: string, message: string, cause?: unknown): SyncError {
  return new SyncError(`queue ${url}: ${code}: ${message}`, {
    op: 'ReceiveMessage',
    key: url,
    retryable: true,
    code,
    hint: 'Until it works, new objects are found by listing. Check queue: in the settings, and the policy of these credentials.',
    cause,
  });
}
