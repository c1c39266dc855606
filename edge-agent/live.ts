/** What the agent touches, made from its settings: the store, its credentials, the index. */
import { hostname } from 'node:os';
import { type HostIndex, openIndex } from '#adapters/host/index-db.ts';
import { agentCredentials } from '#adapters/s3/agent-credentials.ts';
import { createBandwidth } from '#adapters/s3/bandwidth.ts';
import type { CredentialSource } from '#adapters/s3/credentials.ts';
import { probeStore } from '#adapters/s3/probe.ts';
import { createS3Store, type S3Store } from '#adapters/s3/store.ts';
import type { WireOptions } from '#adapters/s3/wire.ts';
import { SyncError } from '#core/errors.ts';
import type { StoreCapabilities } from '#core/ports.ts';
import type { AgentSettings, HostSettings } from '#core/settings/agent.ts';
import type { Log } from './log.ts';
import { removeOldProbes } from './old-probes.ts';
import { makeStateDirectory } from './state-directory.ts';

export interface LiveStore {
  store: S3Store;
  credentials: CredentialSource;
  wire: WireOptions;
  /** `undefined` until the store has been asked. */
  capabilities(): StoreCapabilities | undefined;
  /** Asks the store in the background, until it has answered or `stop` is called; then removes what earlier runs left. */
  learn(log: Log): { stop(): void };
}

const LEARN_AGAIN_MS = 60_000;

export function liveStore(settings: AgentSettings): LiveStore {
  const { store: where, limits, folders } = settings;
  const credentials = agentCredentials(where);
  const wire: WireOptions = {
    bucket: where.bucket,
    region: where.region,
    ...(where.endpoint === undefined ? {} : { endpoint: where.endpoint }),
    addressing: where.addressing,
    credentials,
    connections: limits.concurrency,
    ...(limits.bandwidth === undefined ? {} : { bandwidth: createBandwidth(limits.bandwidth) }),
  };
  let known: StoreCapabilities | undefined;
  const capabilities = () => known;
  const store = createS3Store({
    ...wire,
    ...(where.checksum === 'auto' ? {} : { crc32: where.checksum === 'crc32' }),
    capabilities,
  });
  return {
    wire,
    credentials,
    capabilities,
    store,
    learn(log) {
      let timer: NodeJS.Timeout | undefined;
      let stopped = false;
      const ask = async () => {
        try {
          known = await probeStore(wire, folders[0]?.prefix ?? '');
          log.debug('the store was asked what it can do', { capabilities: JSON.stringify(known) });
        } catch (error) {
          if (!(error instanceof SyncError)) throw error;
          const say = error.retryable ? log.debug : log.warn;
          say(`what the store can do is not known: ${error.message}`, { hint: error.hint });
          // Each try may leave an object behind where deleting it is not allowed.
          if (!stopped && error.retryable) timer = setTimeout(ask, LEARN_AGAIN_MS).unref();
          return;
        }
        const prefixes = folders.map(({ prefix }) => prefix);
        if (!stopped) await removeOldProbes(store, prefixes, log);
      };
      void ask();
      return {
        stop() {
          stopped = true;
          clearTimeout(timer);
        },
      };
    },
  };
}

export function indexFile({ stateDirectory }: HostSettings): string {
  return `${stateDirectory}/index.db`;
}

/** The agent's own index; made where there is none. `onDamage`: nothing more can be noted, the process must end. */
export function liveIndex(settings: AgentSettings, onDamage: (error: SyncError) => void): HostIndex {
  makeStateDirectory(settings);
  return openIndex(indexFile(settings), { onDamage });
}

/** Where the status page is: by default a socket that only the agent's user can reach. */
export function statusAddress({ status, stateDirectory }: HostSettings): string {
  return status?.listen ?? `${stateDirectory}/status.sock`;
}

/** A name as the settings allow them, from a host name that may be anything. */
export function agentName({ name }: HostSettings): string {
  if (name !== undefined) return name;
  const made = hostname()
    .toLowerCase()
    .replace(/\..*$/, '')
    .replace(/[^a-z0-9-]/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 30);
  return made === '' ? 'agent' : made;
}
