/** The deployed stack: what infra/ declares, simulated, and the functions beside it. */

import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { LEDGER } from '#core/controls.ts';
import type { Controls, Ledger } from '#core/ports.ts';
import { START_MESSAGE } from '#core/reconcile-message.ts';
import { createMemoryControls } from '../doubles/controls-memory.ts';
import { createMemoryStore, type MemoryStore } from '../doubles/store-memory.ts';
import { createCdn, type SimCdn } from './cdn.ts';
import { createDestination, type SimDestination } from './destination.ts';
import { createFileManager, type SimFileManager } from './file-manager.ts';
import {
  deliverFunction,
  invalidateFunction,
  mirrorFunction,
  reconcileFunction,
  replayFunction,
  retentionFunction,
} from './functions.ts';
import type { startAgent } from './host/agent.ts';
import { createHost, type SimHost } from './host/host.ts';
import { createHub, type Hub } from './hub.ts';
import { createLedger } from './ledger.ts';
import { createQueue, type SimQueue } from './queue.ts';
import { connect, createFunction, type FunctionSettings, type MappingSettings } from './runtime.ts';
import type { Setup } from './setup.ts';
import type { Simulation } from './simulation.ts';
import { createTopic, type Topic } from './topic.ts';

export interface Cloud {
  readonly sim: Simulation;
  readonly setup: Setup;
  readonly hub: Hub;
  readonly topic: Topic;
  readonly queues: ReadonlyMap<string, SimQueue>;
  readonly destinations: readonly SimDestination[];
  readonly hosts: readonly SimHost[];
  readonly ledger: Ledger;
  /** What is in the table now, whatever its reads say. */
  readonly stored: Ledger;
  readonly controls: Controls;
  readonly reports: MemoryStore;
  readonly fileManager: SimFileManager;
  readonly cdn: SimCdn;
  queue(name: string): SimQueue;
  /** @param message absent: a new run */
  reconcile(name: string, message?: string): void;
  retention(): void;
  /** Containers make way for new ones, as after a deployment. */
  restart(): void;
}

const MINUTE_MS = 60_000;
/** As infra/consumers.ts says. */
const REPLAY = { timeoutMs: MINUTE_MS, batchSize: 100, maxConcurrency: 10 };
const DELIVER = { batchSize: 10, maxConcurrency: 4, fifo: true };
const MIRROR = { batchSize: 10, maxConcurrency: 10 };
const RECONCILE = { batchSize: 1, maxConcurrency: 2 };
const INVALIDATE = { timeoutMs: MINUTE_MS, batchSize: 1000, maxConcurrency: 2 };
const TIMEOUT_FACTOR = 6;

type Consumer = FunctionSettings<SQSEvent, SQSBatchResponse>['boot'];
/** Without a time of its own: the longest. */
type Limits = Omit<MappingSettings, 'windowMs'> & { timeoutMs?: number; fifo?: boolean };

/** @param start absent: there are no hosts */
export function createCloud(sim: Simulation, setup: Setup, start?: typeof startAgent): Cloud {
  const topic = createTopic(sim);
  const hub = createHub(sim, topic, setup);
  const destinations = setup.destinations.map((one) => createDestination(sim, hub, hub.server, one));
  const nowMs = () => sim.scheduler.nowMs;
  const queues = new Map<string, SimQueue>();
  const restarts: (() => void)[] = [];

  const tables = createLedger(sim, hub, destinations);

  const cloud: Cloud = {
    sim,
    setup,
    hub,
    topic,
    queues,
    destinations,
    hosts: start === undefined ? [] : setup.hosts.map((one) => createHost(sim, hub, one, start)),
    ...tables,
    controls: createMemoryControls(),
    reports: createMemoryStore({ bucket: 'reports', nowMs, newId: sim.newId }),
    fileManager: createFileManager(sim, hub, tables.stored),
    cdn: createCdn(sim),
    queue(name) {
      const queue = queues.get(name);
      if (queue === undefined) throw new Error(`there is no queue ${name}`);
      return queue;
    },
    reconcile: (name, message = START_MESSAGE) => cloud.queue(`reconcile-${name}`).send({ body: message }),
    retention: () => void retention.invoke(undefined),
    restart: () => {
      for (const one of restarts) one();
    },
  };

  /** A queue and the function that it feeds. */
  function consumer(name: string, limits: Limits, boot: Consumer, { told = false } = {}): void {
    const { timeoutMs = setup.longestMs, fifo = false } = limits;
    const windowMs = told ? setup.windowMs : 0;
    const queue = createQueue(sim, { name, visibilityMs: (timeoutMs + windowMs) * TIMEOUT_FACTOR, fifo });
    const work = createFunction(sim, { name, timeoutMs, boot });
    queues.set(name, queue);
    restarts.push(work.restart);
    if (told) topic.subscribe(queue);
    connect(sim, queue, work, { ...limits, windowMs });
  }

  consumer('replay', REPLAY, replayFunction(cloud), { told: true });
  consumer(`reconcile-${LEDGER}`, RECONCILE, reconcileFunction(cloud, undefined));
  if (setup.fileManager !== undefined)
    consumer('deliver', DELIVER, deliverFunction(cloud, setup.fileManager));
  if (setup.cdn) consumer('invalidate', INVALIDATE, invalidateFunction(cloud), { told: true });
  for (const destination of destinations) {
    const { name } = destination.settings;
    consumer(`mirror-${name}`, MIRROR, mirrorFunction(cloud, destination), { told: true });
    consumer(`reconcile-${name}`, RECONCILE, reconcileFunction(cloud, destination));
  }
  const retention = createFunction(sim, {
    name: 'retention',
    timeoutMs: setup.longestMs,
    boot: retentionFunction(cloud),
  });
  restarts.push(retention.restart);
  return cloud;
}
