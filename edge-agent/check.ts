/** `agent check`: everything the agent depends on, tried for real, with what to do about each failure. */
import { createCdn } from '#adapters/cdn-cloudfront.ts';
import { type HostIndex, openIndex } from '#adapters/host/index-db.ts';
import type { CredentialSource } from '#adapters/s3/credentials.ts';
import { probeStore } from '#adapters/s3/probe.ts';
import type { Credentials } from '#adapters/s3/sigv4.ts';
import { type QueueDepth, queueDepth } from '#adapters/sqs-depth.ts';
import type { Cdn } from '#core/cdn.ts';
import type { ObjectStore, StoreCapabilities } from '#core/ports.ts';
import type { AgentSettings } from '#core/settings/agent.ts';
import { folderChecks } from './check-folder.ts';
import { hostChecks } from './check-host.ts';
import { type CheckResult, checkLines, performChecks } from './check-list.ts';
import { storeChecks } from './check-store.ts';
import { indexFile, liveStore, statusAddress } from './live.ts';

export interface CheckTools {
  store: ObjectStore;
  credentials(): Promise<Credentials>;
  /** What the store can do, tried below the prefix. */
  probe(prefix: string): Promise<StoreCapabilities>;
  /** Beside an agent that may run: makes, moves and migrates nothing. */
  openIndex(): HostIndex;
  /** Where the status server listens. */
  statusListen: string;
  /** Asked when the settings have a queue. */
  queueDepth(): Promise<QueueDepth>;
  /** Where the settings have one. */
  cdn?: Pick<Cdn, 'invalidate'>;
}

/** @returns the exit code: 1 when something failed */
export async function checkCommand(
  settings: AgentSettings,
  { json = false }: { json?: boolean | undefined },
): Promise<number> {
  const { store, credentials, wire } = liveStore(settings);
  const cdn = cdnOf(settings, credentials);
  const results = await runChecks(
    settings,
    {
      store,
      credentials,
      probe: (prefix) => probeStore(wire, prefix),
      openIndex: () => openIndex(indexFile(settings), { beside: true }),
      statusListen: statusAddress(settings),
      queueDepth: () => queueDepth(settings.queue ?? '', settings.store.region, credentials),
      ...(cdn === undefined ? {} : { cdn }),
    },
    (result) => {
      if (!json) process.stdout.write(checkLines(result));
    },
  );
  cdn?.close();
  await store.close();
  const ok = results.every((result) => result.ok);
  if (json) process.stdout.write(`${JSON.stringify({ ok, checks: results }, undefined, 2)}\n`);
  return ok ? 0 : 1;
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
