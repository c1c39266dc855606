/** `run` and `once`: folders and buckets of the settings, until a signal or until everything is done. */
import { isSea } from 'node:sea';
import { exitNow, skipExitHandlers } from '#adapters/host/libc.ts';
import { giveMemoryBack, givePagesBack } from '#adapters/host/memory.ts';
import { createSystemdNotifier } from '#adapters/host/sd-notify.ts';
import { regularly } from '#adapters/host/ticks.ts';
import type { SyncError } from '#core/errors.ts';
import { folderSettings, type HostSettings } from '#core/settings/agent.ts';
import type { LiveBuckets } from './bucket-live.ts';
import type { Buckets } from './buckets.ts';
import type { FolderView } from './folder.ts';
import { createFolders, type Folders } from './folders.ts';
import { lastKnown } from './last-known.ts';
import { batchLines } from './line-batch.ts';
import { agentName, statusAddress } from './live.ts';
import { createLog } from './log.ts';
import { createProgress, progressOf } from './progress.ts';
import { createPrometheus } from './prometheus.ts';
import { createRest } from './rest.ts';
import { startStatusServer } from './status-server.ts';
import { agentVersion } from './version.ts';

/** Between looks at what the command line asks for. */
const REQUESTS_EVERY_MS = 2_000;

/** Between looks whether there is anything to do. */
const LOOK_EVERY_MS = 5_000;

/** @returns the exit code: 0, or 1 when something could not be brought where it belongs */
export async function runAgent(settings: HostSettings, command: 'run' | 'once'): Promise<number> {
  endAtOnce();
  const once = command === 'once' || isDoneAtOnce(settings);
  const startedMs = Date.now();
  const stopRequested = stopRequest();
  let damaged = false;
  const progress = createProgress(process.stdout);
  const log = createLog(settings.log, batchLines(progress.write, process));
  const agent = agentName(settings);
  const version = agentVersion();
  const systemd = createSystemdNotifier(process.env, (error) => log.warn(error.message));
  const closing: (() => unknown)[] = [];
  const views = () => folders?.views() ?? [];
  const bucketViews = () => buckets?.views() ?? [];
  const metrics = createPrometheus(views, { agent, version, startedMs, logLines: log.lines }, bucketViews);
  let folders: Folders | undefined;
  let live: LiveBuckets | undefined;
  let buckets: Buckets | undefined;

  function onDamage(): void {
    damaged = true;
    stopRequested.stop('the index is damaged');
  }

  function onBucketDamage(error: SyncError): void {
    if (!damaged) log.error(error.message, { hint: error.hint });
    onDamage();
  }

  async function open(): Promise<void> {
    if (settings.buckets.length > 0) {
      const { liveBuckets } = await import('./bucket-live.ts');
      const { createBuckets } = await import('./buckets.ts');
      live = await liveBuckets(settings, { log, metrics, onDamage: onBucketDamage });
      buckets = createBuckets(live, log);
    }
    const withStore = folderSettings(settings);
    if (withStore === undefined) return;
    const shell = { agent, version, startedMs, log, metrics, bucketViews, onDamage };
    folders = await createFolders(withStore, shell);
  }

  function takeRequests(): void {
    folders?.takeRequests();
    for (const { kind, bucket } of live?.db.takeRequests() ?? []) {
      if (kind === 'retry') buckets?.retry(bucket);
      else buckets?.approveDeletes(bucket);
    }
  }

  const shown = lastKnown(
    log,
    () => progressOf(views(), metrics, bucketViews()),
    progressOf([], metrics, []),
  );

  async function keepRunning(): Promise<void> {
    const listen = statusAddress(settings);
    const server = await startStatusServer({
      listen,
      agent,
      version,
      startedMs,
      views,
      bucketViews,
      metrics,
      log,
      actions: {
        retry({ folder, bucket }) {
          if (bucket === undefined) folders?.retry(folder);
          if (folder === undefined) buckets?.retry(bucket);
        },
        approveDeletes({ folder, bucket }) {
          if (folder !== undefined) folders?.approveDeletes(folder);
          if (bucket !== undefined) buckets?.approveDeletes(bucket);
        },
      },
    });
    closing.push(server.close);
    log.info('status page', { key: server.address });
    // Before the first scans: they may take longer than a service manager waits for a start.
    systemd.ready();
    closing.push(
      systemd.watch(() => {
        folders?.alive();
        live?.db.alive();
      }),
    );
    systemd.status('first scan');
    progress.show(shown);
    closing.push(progress.stop);
    const rest = createRest(() => {
      folders?.rest();
      giveMemoryBack();
    });
    const look = () => {
      const now = views();
      if (now.every(isLookedThrough)) progress.stop();
      rest(now.some(({ queued }) => queued > 0) || bucketViews().some(({ queued }) => queued > 0));
    };
    closing.push(regularly(REQUESTS_EVERY_MS, lastKnown(log, takeRequests, undefined)));
    closing.push(regularly(LOOK_EVERY_MS, lastKnown(log, look, undefined)));
    const running = Promise.all([buckets?.run(), folders?.run()]);
    await Promise.race([running, stopRequested.reason]);
    systemd.status(`${settings.folders.length} folders and ${settings.buckets.length} buckets in work`);
    log.info(`${await stopRequested.reason}: finishing what is in flight`);
    systemd.stopping();
  }

  async function runOnce(): Promise<number> {
    progress.show(shown);
    closing.push(progress.stop);
    const passes = Promise.all([folders?.once(), buckets?.once()]);
    const left = await Promise.race([passes, stopRequested.reason]);
    if (typeof left === 'string') log.info(`${left}: finishing what is in flight`);
    return typeof left === 'string' || left.some((count = 0) => count > 0) ? 1 : 0;
  }

  try {
    await open();
    givePagesBack();
    if (once) return await runOnce();
    await keepRunning();
    return damaged ? 1 : 0;
  } finally {
    for (const close of closing.reverse()) await close();
    await Promise.all([folders?.close(), buckets?.stop()]);
    await live?.close();
    log.info('stopped');
  }
}

/** Elsewhere than in the executable Node has profiles and coverage to write; and of a crash it tells after `exit`. */
function endAtOnce(): void {
  let crashed = false;
  process.on('uncaughtExceptionMonitor', () => {
    crashed = true;
  });
  process.on('exit', (code) => {
    skipExitHandlers();
    if (isSea() && !crashed) exitNow(code);
  });
}

/** There is no end to wait for any more, or none that comes by itself. */
function isLookedThrough({ state, mode, lastScan }: FolderView): boolean {
  return state !== 'starting' && (state !== 'working' || mode === 'receive' || lastScan !== undefined);
}

/** Nothing in the settings goes on after one pass. */
function isDoneAtOnce({ folders, buckets }: HostSettings): boolean {
  return buckets.length === 0 && folders.every(({ schedule }) => schedule === 'once');
}

/** Why the agent is to stop: a signal, or what `stop` says. */
function stopRequest(): { reason: Promise<string>; stop(reason: string): void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  return { reason: promise, stop: resolve };
}
