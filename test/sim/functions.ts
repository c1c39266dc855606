/** The functions with their adapters, as functions/live*.ts wire them: each boots once in a container. */
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createDeleteGuard } from '#adapters/delete-permit.ts';
import { createBreaker, FILE_MANAGER_BREAKER } from '#core/breaker.ts';
import { LEDGER } from '#core/controls.ts';
import { type ReconcileMessage, reconcileText } from '#core/reconcile-message.ts';
import type { RetentionResult } from '#core/retention-state.ts';
import type { RetentionRule } from '#core/settings/retention-rule.ts';
import { deliverBatch } from '../../functions/deliver.ts';
import { replayBatch } from '../../functions/event-replay.ts';
import { invalidateBatch } from '../../functions/invalidate.ts';
import type { Metrics } from '../../functions/metrics.ts';
import { mirrorBatch } from '../../functions/mirror.ts';
import { reconcileBatch } from '../../functions/reconcile.ts';
import { runRetention } from '../../functions/retention-cleanup.ts';
import type { Cloud } from './cloud.ts';
import type { DestinationSettings, SimDestination } from './destination.ts';
import { remote } from './port-calls.ts';
import { judgedHub } from './retention.ts';
import type { FunctionSettings } from './runtime.ts';
import { viewOf } from './views.ts';

type Boot<Event, Answer> = FunctionSettings<Event, Answer>['boot'];
export type Consumer = Boot<SQSEvent, SQSBatchResponse>;

const HOUR_MS = 3_600_000;
/** Objects of a few dozen bytes have a dozen parts, of which few are in memory at once. */
const CUT = { wholeUpTo: 16, stream: 3, server: 3 };
const BUDGET_BYTES = 20;
const KEYS_AT_ONCE = 4;
const METRICS: Metrics = { add: () => undefined, flush: () => undefined };

export function replayFunction(cloud: Cloud): Consumer {
  return (instance) => {
    const { hub, ledger, reports, nowMs, batch, deliveries } = viewOf(cloud, instance);
    const told = cloud.setup.fileManager === undefined ? undefined : deliveries();
    const ports = { hub, ledger, reports, deliveries: told, metrics: METRICS, nowMs };
    return (event, invocation) =>
      replayBatch(event, batch('replay', invocation), ports, invocation.requestId);
  };
}

export function mirrorFunction(cloud: Cloud, destination: SimDestination): Consumer {
  const { settings } = destination;
  const queue = `mirror-${settings.name}`;
  return (instance) => {
    const { hub, ledger, controls, nowMs, batch, store, looks } = viewOf(cloud, instance);
    const ports = {
      hub,
      destination: store(destination),
      ledger,
      controls,
      guard: createDeleteGuard(controls, settings.name, guardOf(settings), nowMs),
      looks: looks(queue),
      budget: createByteBudget(BUDGET_BYTES),
      nowMs,
    };
    const { name, prefix, deletes, way } = settings;
    const lasting = {
      ports,
      settings: { name, prefix, deletes, way, cut: CUT, tags: false, createBucket: false },
      metrics: METRICS,
    };
    return (event, invocation) => mirrorBatch(event, batch(queue, invocation), lasting);
  };
}

/** Hub against ledger, or hub against one destination. */
export function reconcileFunction(cloud: Cloud, destination: SimDestination | undefined): Consumer {
  const { name, prefix, deletes } = destination?.settings ?? { name: LEDGER, prefix: '', deletes: false };
  const queue = `reconcile-${name}`;
  return (instance) => {
    const view = viewOf(cloud, instance);
    const { hub, ledger, controls, reports, nowMs, batch } = view;
    const comeBack = view.sender(queue);
    const sides =
      destination === undefined
        ? {
            looks: view.looks('replay'),
            ...(cloud.setup.fileManager === undefined ? {} : { deliveries: view.deliveries() }),
          }
        : {
            looks: view.looks(`mirror-${name}`),
            destination: view.store(destination),
            guard: createDeleteGuard(controls, name, guardOf(destination.settings), nowMs),
          };
    const next = (message: ReconcileMessage) => comeBack([{ body: reconcileText(message) }]);
    const lasting = {
      ports: { hub, ledger, controls, reports, nowMs, next, ...sides },
      settings: { name, prefix, deletes, createBucket: false },
      metrics: METRICS,
    };
    return (event, invocation) => reconcileBatch(event, batch(queue, invocation), lasting);
  };
}

export function deliverFunction(cloud: Cloud, { deletes }: { deletes: boolean }): Consumer {
  return (instance) => {
    const { hub, ledger, nowMs, batch, deliveries } = viewOf(cloud, instance);
    const ports = {
      hub,
      ledger,
      fileManager: cloud.fileManager.seenBy(instance),
      breaker: createBreaker(FILE_MANAGER_BREAKER),
      deliveries: deliveries(),
      deletes,
      nowMs,
    };
    return (event, invocation) => {
      const lanes = batch('deliver', invocation);
      const options = { keysAtOnce: KEYS_AT_ONCE, metrics: METRICS };
      return deliverBatch(event, lanes, { ...ports, log: lanes.log }, options);
    };
  };
}

export function invalidateFunction(cloud: Cloud): Consumer {
  return (instance) => {
    const { batch } = viewOf(cloud, instance);
    const cdn = remote(cloud.sim, instance, 'cdn', cloud.cdn);
    return (event, invocation) =>
      invalidateBatch(event, { ...batch('invalidate', invocation), cdn, metrics: METRICS });
  };
}

/** What was written an hour ago may go once it is everywhere else. */
export function retentionFunction(cloud: Cloud): Boot<undefined, RetentionResult> {
  const destinations = cloud.setup.destinations.map(({ name }) => name);
  const rule: RetentionRule = {
    name: 'old',
    prefix: '',
    olderThan: HOUR_MS,
    tags: {},
    requires: destinations.length > 0 ? 'mirrored' : 'delivered',
    maxRemovals: 3,
    dryRun: false,
  };
  return (instance) => {
    const { sim } = cloud;
    const { hub, ledger, controls, reports, nowMs, batch } = viewOf(cloud, instance, judgedHub(cloud));
    return (_event, invocation) => {
      const { log, remainingMs } = batch('', invocation);
      const ports = { ledger, hub, reports, controls, log, nowMs, remainingMs };
      const runId = `${new Date(nowMs()).toISOString()}-${sim.newId()}`;
      return runRetention(ports, { runId, rules: [rule], destinations, dryRun: false, batchSize: 2 });
    };
  };
}

function guardOf({ guardCount }: DestinationSettings) {
  return { share: 1, count: guardCount, shareFrom: 1_000_000, window: HOUR_MS };
}
