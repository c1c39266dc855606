/** Everything that `ops status` tells, read side by side from where each thing is kept. */
import * as z from 'zod';
import { CONTROL, heldDeletes, LEDGER, readControl, reconcileState } from '#core/controls.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import { retentionState } from '#core/retention-state.ts';
import { type Agent, agentsOf } from './agents.ts';
import type { Ops } from './command.ts';
import type { Place } from './deployed.ts';
import { failureText } from './failure.ts';
import { controlReader } from './ledger-table.ts';
import { switchesOf } from './mappings.ts';
import { depthsOf, total } from './queues.ts';
import { openStore, reportsStore } from './stores.ts';

export interface Status {
  stack: string;
  /** CloudFormation's. */
  state: string;
  timezone: string;
  nowMs: number;
  consumers: {
    name: string;
    paused: boolean;
    waiting: number;
    inFlight: number;
    deadLetters: number;
    /** No message can be older, as far as the last report saw; absent: it is empty, or nobody has looked yet. */
    oldestAtMostMs?: number;
  }[];
  /** Of the last full state report. */
  tracked?: { atMs: number; objects: number; bytes: number };
  destinations: (Pick<Place, 'name' | 'bucket' | 'endpoint' | 'enabled'> & {
    /** Of the last full state report: objects that are there as they should be, and all others. */
    copies?: { current: number; pending: number };
  })[];
  runs: Run[];
  held: { destination: string; count: number; sinceMs: number; reason: string; runId?: string | undefined }[];
  agents: Agent[];
  /** Why the hub, and with it the heartbeats of agents, could not be read. */
  hubFault?: string;
}

export interface Run {
  name: string;
  /** Absent: none has ended yet. */
  endedMs?: number;
  durationMs?: number;
  error?: string | undefined;
  /** It is going on since then. */
  runningSinceMs?: number | undefined;
  /** What it said besides. */
  result: Readonly<Record<string, unknown>>;
}

/** What is read of the last result of the state report. */
const reportResult = z.object({
  time: isoMs(),
  changes: z.record(z.string(), z.number()),
  state: z.object({ at: isoMs(), objects: z.number(), bytes: z.number() }).optional(),
  queues: z.array(z.object({ name: z.string(), busyMs: z.number() })).default([]),
  destinations: z
    .array(
      z.object({
        name: z.string(),
        copies: z
          .object({ current: z.number(), behind: z.number(), gone: z.number(), untold: z.number() })
          .optional(),
      }),
    )
    .default([]),
  errors: z.array(z.string()).default([]),
});
type LastReport = z.output<typeof reportResult>;
export async function readStatus(ops: Ops): Promise<Status> {
  const { stack } = ops;
  const nowMs = ops.nowMs();
  const report = await lastReport(ops);
  const tracked = report?.state;
  return {
    stack: stack.name,
    state: stack.status,
    timezone: stack.timezone,
    nowMs,
    consumers: await consumersOf(ops, report),
    ...(tracked === undefined
      ? {}
      : { tracked: { atMs: tracked.at, objects: tracked.objects, bytes: tracked.bytes } }),
    destinations: stack.destinations.map(({ name, bucket, endpoint, enabled }) => {
      const copies = report?.destinations.find((one) => one.name === name)?.copies;
      return {
        name,
        bucket,
        endpoint,
        enabled,
        ...(copies === undefined
          ? {}
          : { copies: { current: copies.current, pending: copies.behind + copies.gone + copies.untold } }),
      };
    }),
    runs: await runsOf(ops, report),
    held: await heldOf(ops),
    ...(await hubOf(ops, nowMs)),
  };
}

/** What waits elsewhere is most wanted when the hub is away. */
async function hubOf({ clients, stack }: Ops, nowMs: number): Promise<Pick<Status, 'agents' | 'hubFault'>> {
  try {
    const hub = await openStore(clients, stack.hub);
    await hub.check();
    return { agents: await agentsOf(hub, nowMs) };
  } catch (error) {
    const hubFault = failureText(error);
    if (hubFault === undefined) throw error;
    return { agents: [], hubFault };
  }
}

async function lastReport({ clients, stack }: Ops): Promise<LastReport | undefined> {
  const reports = reportsStore(clients, stack.reportsBucket);
  const text = await reports.text(`${REPORT_PREFIX.runs}state-report.json`);
  return text === undefined ? undefined : reportResult.parse(JSON.parse(text));
}

async function consumersOf(
  { clients, stack, nowMs }: Ops,
  report: LastReport | undefined,
): Promise<Status['consumers']> {
  const depths = await depthsOf(clients, stack.consumers);
  return Promise.all(
    depths.map(async ({ id, name, functionName, queueUrl, queue, deadLetters = 0 }) => {
      const switches =
        functionName === undefined || queueUrl === undefined ? [] : await switchesOf(clients, functionName);
      const busyMs = report?.queues.find((one) => one.name === id)?.busyMs;
      const isEmpty = queue === undefined || total(queue) === 0;
      return {
        name,
        paused: switches.some(({ paused }) => paused),
        waiting: (queue?.waiting ?? 0) + (queue?.delayed ?? 0),
        inFlight: queue?.inFlight ?? 0,
        deadLetters,
        ...(isEmpty || report === undefined || busyMs === undefined
          ? {}
          : { oldestAtMostMs: busyMs + Math.max(0, nowMs() - report.time) }),
      };
    }),
  );
}

async function runsOf({ clients, stack }: Ops, report: LastReport | undefined): Promise<Run[]> {
  const controls = controlReader(clients, stack.ledgerTable);
  const reconciled = [LEDGER, ...stack.destinations.map(({ name }) => name)].map(
    async (name): Promise<Run> => {
      const { value } = await readControl(controls, CONTROL.reconcile(name), reconcileState);
      return { ...runOf(`reconcile ${name}`, value?.last), runningSinceMs: value?.running?.startedMs };
    },
  );
  const cleanup = await readControl(controls, CONTROL.retention, retentionState);
  return [
    ...(await Promise.all(reconciled)),
    {
      name: 'state report',
      ...(report === undefined ? {} : { endedMs: report.time }),
      error: report?.errors.join('; ') || undefined,
      result: report?.changes ?? {},
    },
    ...(stack.outputs.Retention === undefined ? [] : [runOf('retention', cleanup.value?.last)]),
  ];
}

function runOf(
  name: string,
  last: { startedMs: number; endedMs: number; error?: string | undefined } | undefined,
): Run {
  if (last === undefined) return { name, result: {} };
  const { startedMs, endedMs, error, ...result } = last;
  return { name, endedMs, durationMs: endedMs - startedMs, error, result };
}

async function heldOf({ clients, stack }: Ops): Promise<Status['held']> {
  const controls = controlReader(clients, stack.ledgerTable);
  const all = await Promise.all(
    stack.destinations.map(async ({ name }) => ({
      destination: name,
      held: (await readControl(controls, CONTROL.held(name), heldDeletes)).value,
    })),
  );
  return all.flatMap(({ destination, held }) =>
    held === undefined || held.count === 0 ? [] : [{ destination, ...held }],
  );
}

function isoMs() {
  return z.iso.datetime().transform((text) => Date.parse(text));
}
