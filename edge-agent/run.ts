/** `agent run` and `agent once`: all folders of the settings, until a signal or until everything is done. */
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createCdn } from '#adapters/cdn-cloudfront.ts';
import { createSystemdNotifier } from '#adapters/host/sd-notify.ts';
import { createHostQueue } from '#adapters/host-queue-sqs.ts';
import type { ObjectKey } from '#core/key.ts';
import type { AgentSettings } from '#core/settings/agent.ts';
import type { FolderRunner, FolderView } from './folder.ts';
import { createFolderRunner } from './folder-runner.ts';
import { startHeartbeat } from './heartbeat.ts';
import { createInvalidator } from './invalidator.ts';
import { createLeases } from './leases.ts';
import { agentName, liveIndex, liveStore, statusAddress } from './live.ts';
import { createLog } from './log.ts';
import { openFolder } from './open-folder.ts';
import { createProgress, progressOf } from './progress.ts';
import { createPrometheus } from './prometheus.ts';
import { createReceiveRunner } from './receive-runner.ts';
import { startStatusServer } from './status-server.ts';
import { agentVersion } from './version.ts';

/** Between looks at what the command line asks for. */
const REQUESTS_EVERY_MS = 1_000;

/** @returns the exit code: 0, or 1 when something could not be brought where it belongs */
export async function runAgent(settings: AgentSettings, command: 'run' | 'once'): Promise<number> {
  const once = command === 'once' || settings.folders.every(({ schedule }) => schedule === 'once');
  const startedMs = Date.now();
  const stopRequested = stopRequest();
  let damaged = false;
  const progress = createProgress(process.stdout);
  const log = createLog(settings.log, progress.write);
  const agent = agentName(settings);
  const version = agentVersion();
  const systemd = createSystemdNotifier(process.env, (error) => log.warn(error.message));
  const index = liveIndex(settings, (error) => {
    if (damaged) return;
    damaged = true;
    log.error(error.message, { hint: error.hint });
    stopRequested.stop('the index is damaged');
  });
  if (index.quarantined !== undefined) {
    log.error(index.quarantined.message, { hint: index.quarantined.hint });
  }
  const { store, capabilities, learn, credentials } = liveStore(settings);
  const runners: FolderRunner[] = [];
  const views = (): FolderView[] => runners.map((runner) => runner.view());
  const metrics = createPrometheus(views, { agent, version, startedMs, logLines: log.lines });
  const leases = createLeases();
  const { partBytes, partsAtOnce } = settings.limits;
  const parts = createByteBudget(partBytes * partsAtOnce);
  const learning = learn(log);
  const writing = settings.folders.filter(({ mode }) => mode !== 'receive');
  const cdn = cdnOf();
  const invalidator = invalidatorOf();
  const queue = queueOf();
  const notCompared = new Set(writing.map(({ name }) => name));
  const closing: (() => unknown)[] = [];

  function cdnOf() {
    if (settings.cdn === undefined) return undefined;
    const { distribution, endpoint } = settings.cdn;
    return createCdn({ distribution, ...(endpoint === undefined ? {} : { endpoint }), credentials });
  }

  function invalidatorOf() {
    if (cdn === undefined || settings.cdn === undefined) return undefined;
    const { window: windowMs } = settings.cdn;
    const prefixes = writing.map(({ prefix }) => prefix);
    return createInvalidator({ cdn, index, prefixes, windowMs, log, agent });
  }

  function queueOf() {
    if (settings.queue === undefined || settings.folders.length === writing.length) return undefined;
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
      parts,
      capabilities,
      onCompared() {
        if (notCompared.delete(folder.name) && notCompared.size === 0) index.completed();
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

  async function keepRunning(): Promise<void> {
    const listen = statusAddress(settings);
    const server = await startStatusServer({
      listen,
      agent,
      version,
      startedMs,
      views,
      metrics,
      log,
      actions: {
        retry: (folder) => toRunners(folder, (runner) => runner.retry()),
        approveDeletes: (folder) => toRunners(folder, (runner) => runner.approveDeletes()),
      },
    });
    closing.push(server.close);
    log.info('status page', { key: server.address });
    // Before the first scans: they may take longer than a service manager waits for a start.
    systemd.ready();
    closing.push(systemd.watch(() => index.note('watchdog')));
    systemd.status('first scan');
    progress.show(() => progressOf(views(), metrics));
    await Promise.all(runners.map((runner) => runner.run()));
    progress.stop();
    systemd.status(`${settings.folders.length} folders in work`);
    const requests = setInterval(() => {
      for (const { kind, folder } of index.takeRequests()) {
        toRunners(folder, (runner) => (kind === 'retry' ? runner.retry() : runner.approveDeletes()));
      }
    }, REQUESTS_EVERY_MS);
    closing.push(() => clearInterval(requests));
    if (settings.heartbeat !== 'off') {
      const everyMs = settings.heartbeat;
      closing.push(startHeartbeat({ store, agent, version, startedMs, everyMs, views, log }).stop);
    }
    log.info(`${await stopRequested.reason}: finishing what is in flight`);
    systemd.stopping();
  }

  async function runOnce(): Promise<number> {
    progress.show(() => progressOf(views(), metrics));
    closing.push(progress.stop);
    const passes = Promise.all(runners.map((runner) => runner.once()));
    const left = await Promise.race([passes, stopRequested.reason]);
    if (typeof left === 'string') log.info(`${left}: finishing what is in flight`);
    return typeof left === 'string' || left.some((count) => count > 0) ? 1 : 0;
  }

  try {
    for (const folder of settings.folders) addRunner(folder);
    if (once) return await runOnce();
    await keepRunning();
    return damaged ? 1 : 0;
  } finally {
    learning.stop();
    for (const close of closing.reverse()) await close();
    await Promise.all(runners.map((runner) => runner.stop()));
    await Promise.all([invalidator?.stop(), queue?.close()]);
    cdn?.close();
    leases.close();
    index.close();
    await store.close();
    log.info('stopped');
  }
}

/** Why the agent is to stop: a signal, or what `stop` says. */
function stopRequest(): { reason: Promise<string>; stop(reason: string): void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  return { reason: promise, stop: resolve };
}
