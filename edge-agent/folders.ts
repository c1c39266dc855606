/** All folders of the agent with the hub that they share, its queue, its CDN and the agent's heartbeat there. */
import { createByteBudget } from '#adapters/byte-budget.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { AgentSettings } from '#core/settings/agent.ts';
import type { BucketView } from './bucket-view.ts';
import { createEncryptionProof } from './encryption-proof.ts';
import type { FolderRunner, FolderView } from './folder.ts';
import { createFolderRunner } from './folder-runner.ts';
import { startHeartbeat } from './heartbeat.ts';
import { createInvalidator } from './invalidator.ts';
import { createLeases } from './leases.ts';
import { liveIndex, liveStore } from './live.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { hostStart } from './older-file.ts';
import { openFolder } from './open-folder.ts';
import { createReceiveRunner } from './receive-runner.ts';
import { recallSending } from './unconfirmed.ts';

export interface FoldersShell {
  agent: string;
  version: string;
  startedMs: number;
  log: Log;
  metrics: Metrics;
  /** For the heartbeat. */
  bucketViews(): readonly BucketView[];
  /** The index is damaged: the process must end. */
  onDamage(): void;
}

export interface Folders {
  views(): FolderView[];
  /** Works until `close`. Resolves when what comes from now on is noticed. */
  run(): Promise<void>;
  /** One pass over each; answers how many files could not be brought where they belong. */
  once(): Promise<number>;
  /** All folders when none is named. */
  retry(folder: string | undefined): void;
  approveDeletes(folder: string | undefined): void;
  /** Does what the command line has asked for. */
  takeRequests(): void;
  /** Throws when the index cannot be read. */
  alive(): void;
  /** There is nothing to do for now: gives memory back. Throws when the index fails. */
  rest(): void;
  close(): Promise<void>;
}

/** What only some agents have is loaded only there: the AWS SDK is a quarter of the agent's memory. */
export async function createFolders(settings: AgentSettings, shell: FoldersShell): Promise<Folders> {
  const { agent, version, startedMs, log, metrics } = shell;
  let damaged = false;
  const index = liveIndex(settings, (error) => {
    if (damaged) return;
    damaged = true;
    log.error(error.message, { hint: error.hint });
    shell.onDamage();
  });
  if (index.quarantined !== undefined) {
    log.error(index.quarantined.message, { hint: index.quarantined.hint });
  }
  const start = hostStart(index, Date.now());
  noteOrSay('what was on its way', () => recallSending(index, settings.folders));
  noteOrSay('that the host has started', start.note);
  const { store, capabilities, learn, credentials } = liveStore(settings);
  const runners: FolderRunner[] = [];
  const views = (): FolderView[] => runners.map((runner) => runner.view());
  const leases = createLeases();
  const { partBytes, partsAtOnce } = settings.limits;
  const parts = createByteBudget(partBytes * partsAtOnce);
  // Nothing is sent below no prefix.
  const learning = settings.folders.length > 0 ? learn(log) : undefined;
  const writing = settings.folders.filter(({ mode }) => mode !== 'receive');
  const cdn = await cdnOf();
  const invalidator = invalidatorOf();
  const queue = await queueOf();
  const notCompared = new Set(writing.map(({ name }) => name));
  let heartbeat: { stop(): Promise<void> } | undefined;

  /** On a full disk nothing can be noted: then the next start hears of it again. */
  function noteOrSay(what: string, note: () => void): void {
    try {
      note();
    } catch (error) {
      if (!(error instanceof SyncError) || error.op !== 'index' || !error.retryable) throw error;
      log.error(`${what} is not noted yet: ${error.message}`, { hint: error.hint });
    }
  }

  async function cdnOf() {
    if (settings.cdn === undefined) return undefined;
    const { createCdn } = await import('#adapters/cdn-cloudfront.ts');
    const { distribution, endpoint } = settings.cdn;
    return createCdn({ distribution, ...(endpoint === undefined ? {} : { endpoint }), credentials });
  }

  function invalidatorOf() {
    if (cdn === undefined || settings.cdn === undefined) return undefined;
    const { window: windowMs } = settings.cdn;
    const prefixes = writing.map(({ prefix }) => prefix);
    return createInvalidator({ cdn, index, prefixes, windowMs, log, agent });
  }

  async function queueOf() {
    if (settings.queue === undefined || settings.folders.length === writing.length) return undefined;
    const { createHostQueue } = await import('#adapters/host-queue-sqs.ts');
    return createHostQueue({
      url: settings.queue,
      region: settings.store.region,
      bucket: settings.store.bucket,
      credentials,
      onMalformed: (error, body) => log.error(error.message, { hint: error.hint, body: body.slice(0, 200) }),
      onHealth(error) {
        if (error === undefined) log.info('the queue answers', { key: settings.queue });
        else log.warn(error.message, { key: settings.queue, hint: error.hint });
      },
    });
  }

  function addRunner(folder: AgentSettings['folders'][number]): void {
    const context = {
      agent,
      settings,
      folder,
      store,
      index,
      leases,
      log,
      metrics,
      hostStart: start,
      parts,
      capabilities,
      requireEncryption: createEncryptionProof(store, folder),
      onCompared() {
        notCompared.delete(folder.name);
        if (notCompared.size === 0 && index.fresh !== undefined) index.completed();
      },
      onChanged: (key: ObjectKey) => invalidator?.changed(key),
    };
    const skewMs = store.clockSkewMs;
    runners.push(
      folder.mode === 'receive'
        ? createReceiveRunner(context, { skewMs, ...(queue === undefined ? {} : { queue }) })
        : createFolderRunner(context, (...claimed) => openFolder(...claimed, { skewMs })),
    );
  }

  function toRunners(folder: string | undefined, action: (runner: FolderRunner) => void): void {
    for (const runner of runners) {
      if (folder === undefined || runner.view().name === folder) action(runner);
    }
  }

  for (const folder of settings.folders) addRunner(folder);
  const retry = (folder: string | undefined) => toRunners(folder, (runner) => runner.retry());
  const approveDeletes = (folder: string | undefined) =>
    toRunners(folder, (runner) => runner.approveDeletes());

  return {
    views,
    async run() {
      await Promise.all(runners.map((runner) => runner.run()));
      if (settings.heartbeat === 'off') return;
      const everyMs = settings.heartbeat;
      const { bucketViews } = shell;
      heartbeat = startHeartbeat({ store, agent, version, startedMs, everyMs, views, bucketViews, log });
    },
    async once() {
      const one = (runner: FolderRunner) =>
        runner.once().catch((error: unknown) => {
          const hint = error instanceof SyncError ? error.hint : undefined;
          log.error(error instanceof Error ? error.message : String(error), {
            folder: runner.view().name,
            hint,
          });
          return 1;
        });
      const left = await Promise.all(runners.map(one));
      return left.reduce((sum, one) => sum + one, 0);
    },
    retry,
    approveDeletes,
    takeRequests() {
      for (const { kind, folder } of index.takeRequests()) {
        if (kind === 'retry') retry(folder);
        else approveDeletes(folder);
      }
    },
    alive: () => void index.note('watchdog'),
    rest: () => index.rest(),
    async close() {
      learning?.stop();
      await heartbeat?.stop();
      await Promise.all(runners.map((runner) => runner.stop()));
      await Promise.all([invalidator?.stop(), queue?.close()]);
      cdn?.close();
      leases.close();
      index.close();
      await store.close();
    },
  };
}
