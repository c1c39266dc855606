/** All mirrored buckets of the agent: their runners, and what their sources tell of changes. */
import { seenIn } from '#adapters/copy-seen.ts';
import { type ListenState, listenToBucket } from '#adapters/s3/listen.ts';
import { SyncError } from '#core/errors.ts';
import { isReserved } from '#core/names.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import type { LiveBucket, LiveBuckets } from './bucket-live.ts';
import { type BucketRunner, createBucketRunner } from './bucket-runner.ts';
import { type BucketView, laneName, placesOf } from './bucket-view.ts';
import { startWebhook } from './bucket-webhook.ts';
import type { Log } from './log.ts';

export interface Buckets {
  views(): BucketView[];
  /** Works until `stop`. @throws SyncError when the address of a webhook cannot be had */
  run(): Promise<void>;
  /** Answers how many objects could not be mirrored. */
  once(): Promise<number>;
  stop(): Promise<void>;
  /** All buckets when none is named. */
  retry(bucket: string | undefined): void;
  approveDeletes(bucket: string | undefined): void;
}

/** A source that does not answer to listening keeps the first comparison waiting no longer. */
const FIRST_WORD_MS = 3_000;

/** @param environment has the tokens of webhooks */
export function createBuckets(
  { buckets, db }: LiveBuckets,
  log: Log,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Buckets {
  const mirrored = buckets.map((live) => mirror(live, log, environment));
  const named = (name: string | undefined) =>
    mirrored.filter(({ bucket }) => name === undefined || bucket.name === name);
  const runners = (name?: string) => named(name).flatMap((one) => one.runners);
  if (db.quarantined !== undefined) log.error(db.quarantined.message, { hint: db.quarantined.hint });

  return {
    views: () => mirrored.flatMap((one) => one.views()),
    async run() {
      for (const one of mirrored) await one.run();
    },
    async once() {
      const left = await Promise.all(
        mirrored
          .filter(({ bucket }) => bucket.enabled)
          .flatMap((one) => one.runners.map((each) => each.once())),
      );
      return left.reduce((sum, one) => sum + one, 0);
    },
    async stop() {
      await Promise.all(mirrored.map((one) => one.stop()));
    },
    retry(bucket) {
      for (const runner of runners(bucket)) runner.retry();
    },
    approveDeletes(bucket) {
      for (const runner of runners(bucket)) runner.approveDeletes();
    },
  };
}

interface Mirrored extends Pick<LiveBucket, 'bucket'> {
  runners: BucketRunner[];
  views(): BucketView[];
  run(): Promise<void>;
  stop(): Promise<void>;
}

function mirror(
  { bucket, wire, lanes }: LiveBucket,
  log: Log,
  environment: Readonly<Record<string, string | undefined>>,
): Mirrored {
  const runners = bucket.enabled ? lanes.map(createBucketRunner) : [];
  let noticed: BucketView['noticed'] = 'interval';
  let failing = '';
  let listener: { stop(): Promise<void> } | undefined;
  let starting: NodeJS.Timeout | undefined;

  function start(): void {
    if (starting === undefined) return;
    clearTimeout(starting);
    starting = undefined;
    for (const runner of runners) runner.run();
  }

  function onState(state: ListenState): void {
    switch (state.now) {
      case 'listening':
        // Whatever happened before was not told.
        for (const runner of runners) runner.compareNow();
        log.info('the source tells of changes', { bucket: bucket.name });
        break;
      case 'away': {
        const { code = '', message, hint } = state.error;
        if (failing !== code) log.warn(`no notifications: ${message}`, { bucket: bucket.name, hint });
        failing = code;
        break;
      }
      case 'unsupported':
        log.info('the source does not tell of changes; it is compared at the interval', {
          bucket: bucket.name,
          reason: state.reason,
        });
    }
    noticed = state.now === 'listening' ? 'notifications' : 'interval';
    if (state.now === 'listening') failing = '';
    start();
  }

  function onEvents(events: readonly ObjectEvent[]): void {
    for (const event of events) {
      const { bucket: from, key, kind } = event;
      // A webhook may be that of several buckets.
      if (from !== bucket.source.bucket || kind === 'other') continue;
      if (isReserved(key) || !key.startsWith(bucket.prefix)) continue;
      for (const runner of runners) runner.changed(key, seenIn([event]));
    }
  }

  async function takeWebhook(listen: string, tokenVariable: string): Promise<void> {
    const token = environment[tokenVariable] ?? '';
    if (token === '') throw withoutToken(tokenVariable);
    const webhook = await startWebhook({
      listen,
      token,
      onEvents,
      onRefused: (why) => log.warn(`webhook: refused ${why}`, { bucket: bucket.name }),
    });
    listener = { stop: webhook.close };
    log.info('webhook', { key: webhook.address, bucket: bucket.name });
    noticed = 'notifications';
  }

  return {
    bucket,
    runners,
    views: () =>
      bucket.enabled
        ? runners.map((runner) => ({ ...runner.view(), noticed }))
        : lanes.map(({ destination, tasks, held, last }) => ({
            name: bucket.name,
            destination: destination.name,
            ...placesOf(bucket, destination),
            state: 'paused',
            reason: '',
            noticed: 'interval',
            queued: 0,
            waiting: tasks.counts().waiting,
            parked: tasks.counts().parked,
            heldDeletes: held.counts().held,
            ...(last === undefined ? {} : { lastComparison: last, lastSuccessMs: last.endedMs }),
            succeeded: 0,
            failed: 0,
          })),
    async run() {
      if (!bucket.enabled) {
        log.info('paused: enabled is false', { bucket: bucket.name });
        return;
      }
      for (const { destination } of lanes) {
        const { source, target } = placesOf(bucket, destination);
        log.info('mirroring', { key: source, bucket: laneName(bucket.name, destination.name), to: target });
      }
      const { notifications } = bucket;
      if (typeof notifications === 'object') {
        await takeWebhook(notifications.webhook, notifications.tokenVariable);
      }
      starting = setTimeout(start, FIRST_WORD_MS);
      if (notifications === 'auto') listener = listenToBucket(wire, bucket.prefix, { onEvents, onState });
      else start();
    },
    async stop() {
      clearTimeout(starting);
      starting = undefined;
      await Promise.all([listener?.stop(), ...runners.map((runner) => runner.stop())]);
    },
  };
}

function withoutToken(variable: string): SyncError {
  return new SyncError(`the environment variable ${variable} is not set`, {
    op: 'webhook',
    retryable: false,
    code: 'NoToken',
    hint: `Set ${variable} for the agent to the token that the store sends with its webhook.`,
  });
}
