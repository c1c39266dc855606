/** Looks at what runs beside the ledger: queues, destinations, agents, the last runs. What cannot be read is told. */
import { inParallel } from '#adapters/in-parallel.ts';
import type { QueueDepth } from '#adapters/sqs-depth.ts';
import type { NamedQueue } from '#adapters/stack-outputs.ts';
import { CONTROL, heldDeletes, LEDGER, readControl, reconcileState } from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import { pascalCase } from '#core/names.ts';
import type { Controls } from '#core/ports.ts';
import type { DestinationView, QueueView, ReportResult } from '#core/report-result.ts';
import type { LedgerTotals } from '#core/report-totals.ts';
import { retentionState } from '#core/retention-state.ts';
import type { Log } from './log.ts';
import { type AgentsPorts, readAgents } from './report-agents.ts';

export interface ObservePorts extends AgentsPorts {
  controls: Controls;
  /** Every queue of the stack. */
  queues: () => Promise<NamedQueue[]>;
  depth: (url: string) => Promise<QueueDepth>;
  destinations: readonly string[];
  log: Log;
}

export type Observed = Pick<ReportResult, 'queues' | 'destinations' | 'agents' | 'reconcile' | 'retention'>;

const QUEUES_AT_ONCE = 8;

/**
 * @param busySinceMs since when each queue has not been seen empty; brought up to date
 * @param errors what could not be read is added
 */
export async function observe(
  ports: ObservePorts,
  totals: LedgerTotals | undefined,
  busySinceMs: Record<string, number>,
  errors: string[],
): Promise<Observed> {
  const { controls, log } = ports;
  async function told<Value>(what: string, read: () => Promise<Value>, otherwise: Value): Promise<Value> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      log.error(`${what} could not be read`, { error, code: error.code, hint: error.hint });
      errors.push(`${what}: ${error.message}`);
      return otherwise;
    }
  }
  const named = await told('the queues', ports.queues, []);
  const seen = await inParallel(named, QUEUES_AT_ONCE, (queue) =>
    told(`queue ${queue.name}`, () => viewOf(ports, queue, busySinceMs), undefined),
  );
  const queues = seen.filter((view) => view !== undefined);
  const agents = await told('the heartbeats', () => readAgents(ports), []);
  for (const { name, fault } of agents) {
    if (fault !== undefined) errors.push(`heartbeat of ${name}: ${fault}`);
  }
  const destinations = await inParallel(ports.destinations, QUEUES_AT_ONCE, (name) =>
    told(`destination ${name}`, () => destinationOf(controls, name, queues, totals), {
      name,
      held: 0,
      heldReason: '',
    }),
  );
  const ledgerRun = await told('the last reconcile', () => lastReconcile(controls, LEDGER), undefined);
  const retention = await told(
    'the last retention',
    async () => (await readControl(controls, CONTROL.retention, retentionState)).value?.last,
    undefined,
  );
  return {
    queues,
    destinations,
    agents,
    ...(ledgerRun === undefined ? {} : { reconcile: ledgerRun }),
    ...(retention === undefined ? {} : { retention }),
  };
}

async function viewOf(
  { depth, nowMs }: ObservePorts,
  { name, url, deadLettersUrl }: NamedQueue,
  busySinceMs: Record<string, number>,
): Promise<QueueView> {
  const [queue, deadLetters] = await Promise.all([depth(url), depth(deadLettersUrl)]);
  if (queue.waiting + queue.inFlight === 0) delete busySinceMs[name];
  else busySinceMs[name] ??= nowMs();
  return {
    name,
    waiting: queue.waiting,
    inFlight: queue.inFlight,
    deadLetters: deadLetters.waiting + deadLetters.inFlight,
    busyMs: nowMs() - (busySinceMs[name] ?? nowMs()),
  };
}

async function destinationOf(
  controls: Controls,
  name: string,
  queues: readonly QueueView[],
  totals: LedgerTotals | undefined,
): Promise<DestinationView> {
  const held = (await readControl(controls, CONTROL.held(name), heldDeletes)).value;
  const copies = totals?.destinations[name];
  const queue = queues.find((one) => one.name === `Mirror${pascalCase(name)}`);
  const reconcile = await lastReconcile(controls, name);
  return {
    name,
    ...(copies === undefined ? {} : { copies }),
    ...(queue === undefined ? {} : { queue }),
    held: held?.count ?? 0,
    heldReason: held === undefined || held.count === 0 ? '' : held.reason,
    ...(reconcile === undefined ? {} : { reconcile }),
  };
}

async function lastReconcile(controls: Controls, name: string) {
  return (await readControl(controls, CONTROL.reconcile(name), reconcileState)).value?.last;
}
