/** `sluice-agent check`: everything the agent depends on, tried for real, with what to do about each failure. */
import { createCdn } from '#adapters/cdn-cloudfront.ts';
import { type HostIndex, openIndex } from '#adapters/host/index-db.ts';
import type { CredentialSource } from '#adapters/s3/credentials.ts';
import { probeStore } from '#adapters/s3/probe.ts';
import type { Credentials } from '#adapters/s3/sigv4.ts';
import { type QueueDepth, queueDepth } from '#adapters/sqs-depth.ts';
import type { Cdn } from '#core/cdn.ts';
import type { ObjectStore, StoreCapabilities } from '#core/ports.ts';
import { type AgentSettings, folderSettings, type HostSettings } from '#core/settings/agent.ts';
import { bucketChecks } from './check-bucket.ts';
import { folderChecks } from './check-folder.ts';
import { hostChecks } from './check-host.ts';
import { type CheckResult, checkLines, performChecks } from './check-list.ts';
import { storeChecks } from './check-store.ts';
import { indexFile, liveStore, statusAddress } from './live.ts';

export interface HostCheckTools {
  /** Beside an agent that may run: makes, moves and migrates nothing. */
  openIndex(): HostIndex;
  /** Where the status server listens. */
  statusListen: string;
}

export interface CheckTools extends HostCheckTools {
  store: ObjectStore;
  credentials(): Promise<Credentials>;
  /** What the store can do, tried below the prefix. */
  probe(prefix: string): Promise<StoreCapabilities>;
  /** Asked when the settings have a queue. */
  queueDepth(): Promise<QueueDepth>;
  /** Where the settings have one. */
  cdn?: Pick<Cdn, 'invalidate'>;
}

/** @returns the exit code: 1 when something failed */
export async function checkCommand(
  settings: HostSettings,
  { json = false }: { json?: boolean | undefined },
): Promise<number> {
  const onResult = (result: CheckResult) => {
    if (!json) process.stdout.write(checkLines(result));
  };
  const withStore = folderSettings(settings);
  const host = hostTools(settings);
  const results =
    withStore === undefined
      ? await performChecks(hostChecks(settings, host), onResult)
      : await checkStore(withStore, host, onResult);
  results.push(...(await performChecks(bucketChecks(settings.buckets), onResult)));
  const ok = results.every((result) => result.ok);
  if (json) process.stdout.write(`${JSON.stringify({ ok, checks: results }, undefined, 2)}\n`);
  return ok ? 0 : 1;
}

function hostTools(settings: HostSettings): HostCheckTools {
  return {
    openIndex: () => openIndex(indexFile(settings), { beside: true }),
    statusListen: statusAddress(settings),
  };
}

async function checkStore(
  settings: AgentSettings,
  host: HostCheckTools,
  onResult: (result: CheckResult) => void,
): Promise<CheckResult[]> {
  const { store, credentials, wire } = liveStore(settings);
  const cdn = cdnOf(settings, credentials);
  const tools = {
    ...host,
    store,
    credentials,
    probe: (prefix: string) => probeStore(wire, prefix),
    queueDepth: () => queueDepth(settings.queue ?? '', settings.store.region, credentials),
    ...(cdn === undefined ? {} : { cdn }),
  };
  try {
    return await runChecks(settings, tools, onResult);
  } finally {
    cdn?.close();
    await store.close();
  }
}

/** What an outcome means is in `CheckResult`. Each result is also given to `onResult` as soon as it is there. */
export function runChecks(
  settings: AgentSettings,
  tools: CheckTools,
  onResult: (result: CheckResult) => void = () => {},
): Promise<CheckResult[]> {
  return performChecks(
    [...hostChecks(settings, tools), ...folderChecks(settings, tools), ...storeChecks(settings, tools)],
    onResult,
  );
}

function cdnOf({ cdn }: AgentSettings, credentials: CredentialSource) {
  if (cdn === undefined) return undefined;
  const { distribution, endpoint } = cdn;
  return createCdn({ distribution, credentials, ...(endpoint === undefined ? {} : { endpoint }) });
}
