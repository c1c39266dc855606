/** Gathers what all parts say into one snapshot, often while somebody looks and seldom otherwise. */
import { setTimeout as delay } from 'node:timers/promises';
import { coveredBy } from '#core/invalidation.ts';
import { createClients } from '../../ops/clients.ts';
import { consumersOf } from '../../ops/consumers.ts';
import { failureText } from '../../ops/failure.ts';
import type { FileManagerCall } from '../file-manager.ts';
import { reconcileDestinations } from '../reconcile-now.ts';
import type { Listener, LocalSystem } from '../system.ts';
import { readAgentStatus } from './agent-status.ts';
import { createBreakerReader } from './breaker-state.ts';
import { createCdnReader, readHub, readQueues } from './cloud-reading.ts';
import { type Sample, withSample } from './series.ts';
import type { DestinationState, FileManagerState, QueueState, Snapshot } from './snapshot.ts';
import { createWays } from './ways.ts';

const FILE_MANAGER_STAGE = 'file manager';
const CDN_STAGE = 'CDN';

export interface Collector {
  listener: Listener;
  /** Looks until the signal, and tells what each look found. */
  follow(onLook: (snapshot: Snapshot, samples: readonly Sample[]) => void): Promise<void>;
  /** Has the destinations compared with the hub. */
  reconcile(): Promise<void>;
  /** Looks now: something has been done. */
  hurry(): void;
}

/** Between two looks. A look takes a few dozen small requests. */
const WATCHED_MS = 1_000;
const UNWATCHED_MS = 15_000;
/** Of the time, at most one part in so many is spent looking. */
const PATIENCE = 3;
/** `deliver` asks again at least that often while its breaker is open. */
const BREAKER_MEMORY_MS = 40_000;

/** @param isWatched whether anybody looks */
export function createCollector(
  system: LocalSystem,
  { isWatched, signal }: { isWatched: () => boolean; signal: AbortSignal },
): Collector {
  const { settings, outputs, hub, distribution, fileManager, gate, agent, watch } = system;
  const clients = createClients(process.env);
  const names = settings.destinations.map(({ name }) => name);
  const consumers = consumersOf(outputs, names);
  const cdn = distribution === undefined ? undefined : createCdnReader(distribution);
  const refusalAfter =
    outputs.Deliver === undefined ? undefined : createBreakerReader(clients, outputs.Deliver);
  const ways = createWays([...names, FILE_MANAGER_STAGE, ...(cdn === undefined ? [] : [CDN_STAGE])]);
  let last: Snapshot | undefined;
  let samples: Sample[] = [];
  let wake = new AbortController();

  async function look(): Promise<Snapshot> {
    const faults: string[] = [];
    const reading = <Value>(read: Promise<Value>) => orFault(read, faults);
    const isRunning = agent.isRunning();
    const address = system.agentAddress();
    const [status, found, queues, invalidated, refusedMs] = await Promise.all([
      isRunning && address !== undefined ? readAgentStatus(address) : undefined,
      reading(readHub(clients, hub)),
      reading(readQueues(clients, consumers)),
      cdn && reading(cdn.read((paths) => ways.passed(coveredBy(paths), CDN_STAGE, Date.now()))),
      reading(breakerRefusedMs()),
    ]);
    const depths = queues ?? last?.queues ?? [];
    const ledger = watch.totals();
    return {
      atMs: Date.now(),
      agent: { isRunning, ...(address && { address }), ...(status && { status }) },
      ...(found && { hub: found }),
      ledger,
      destinations: settings.destinations.map(({ name, bucket, endpoint }): DestinationState => {
        const verified = ledger.verified[name] ?? 0;
        const fixed = endpoint === undefined || gate === undefined;
        return {
          ...{ name, bucket, verified, waiting: ledger.objects - verified },
          deadLetters: deadLettersOf(depths, `mirror-${name}`),
          gate: fixed ? 'fixed' : gate.isOpen() ? 'open' : 'down',
        };
      }),
      fileManager: fileManagerState(ledger, depths, refusedMs),
      ...(invalidated && { cdn: invalidated }),
      queues: depths,
      ways: ways.all(),
      faults: [...new Set(faults)],
    };
  }

  /** Only the log knows, so it is asked only when there may be something to know. */
  async function breakerRefusedMs(): Promise<number | undefined> {
    if (failuresInARow(fileManager.calls()) === 0) return undefined;
    return refusalAfter?.(Date.now() - BREAKER_MEMORY_MS);
  }

  function fileManagerState(
    { objects, delivered }: Snapshot['ledger'],
    queues: readonly QueueState[],
    refusedMs: number | undefined,
  ): FileManagerState {
    return {
      url: fileManager.url,
      files: fileManager.files().size,
      ...{ delivered, waiting: objects - delivered },
      deadLetters: deadLettersOf(queues, 'deliver'),
      failuresInARow: failuresInARow(fileManager.calls()),
      isFailing: fileManager.failing() > 0,
      breaker: refusedMs === undefined ? 'closed' : 'open',
    };
  }

  const listener: Listener = {
    onAgentLine({ level, message, key, fields }) {
      if (key === undefined) return;
      if (message === 'uploaded') ways.uploaded(key, Number(fields.bytes), Number(fields.ms), Date.now());
      if (message === 'removed') ways.remark(key, 'removed here');
      if (message === 'downloaded') ways.remark(key, 'now on the host');
      if (level === 'WARN' || level === 'ERROR') ways.remark(key, message);
    },
    onNotice(notice) {
      if (notice.kind === 'report') return;
      const { key, kind, etag } = notice;
      if (kind === 'ledger') {
        ways.recorded(key, notice.state === 'deleted' ? '' : etag, notice.sizeBytes, Date.now());
      } else
        ways.confirmed(key, kind === 'mirror' ? notice.destination : FILE_MANAGER_STAGE, etag, Date.now());
    },
    onCall({ key, op, status }) {
      if (status >= 300) ways.failed(key, FILE_MANAGER_STAGE, `${status} to ${op}`);
    },
  };

  return {
    listener,
    async follow(onLook) {
      try {
        while (!signal.aborted) {
          const startedMs = performance.now();
          last = await look();
          samples = withSample(samples, last);
          onLook(last, samples);
          const tookMs = performance.now() - startedMs;
          const waitMs = Math.max(isWatched() ? WATCHED_MS : UNWATCHED_MS, tookMs * PATIENCE);
          await delay(waitMs, undefined, { signal: AbortSignal.any([signal, wake.signal]) }).catch(awoken);
          wake = new AbortController();
        }
      } finally {
        clients.close();
        cdn?.close();
      }
    },
    reconcile: () => reconcileDestinations(clients, consumers),
    hurry: () => wake.abort(),
  };
}

function awoken(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}

/** The page goes on and says what it could not read; a bug is no fault of the cloud. */
async function orFault<Value>(read: Promise<Value>, faults: string[]): Promise<Value | undefined> {
  try {
    return await read;
  } catch (error) {
    const text = failureText(error);
    if (text === undefined) throw error;
    faults.push(text);
    return undefined;
  }
}

function deadLettersOf(queues: readonly QueueState[], name: string): number {
  return queues.find((one) => one.name === name)?.deadLetters ?? 0;
}

function failuresInARow(calls: readonly FileManagerCall[]): number {
  return calls.length - 1 - calls.findLastIndex(({ status }) => status < 300);
}
