/** What every part of one simulated history shares: the clock, chance, the faults, the trace, and the first violation. */
import type { Log, LogFields } from '../../functions/log.ts';
import type { Choices } from './choices.ts';
import { createFaults, type FaultRates, type Faults } from './faults.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';

/** I1 to I5 of the design; `bug`: the code threw what it never should. */
type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'bug';

export interface Violation {
  invariant: Invariant;
  text: string;
  atMs: number;
}

/** One piece of work of one instance: an invocation. */
export interface Task {
  id: string;
  startedMs: number;
  deadlineMs: number;
  /** Errors that it was made to see, and lines of its log at `warn` and `error`: no failure is silent. */
  errors: number;
  complaints: number;
}

/** A container of a function: what dies when it dies, with a clock that may be off. */
export interface Instance {
  name: string;
  alive: boolean;
  clockOffMs: number;
  task: Task;
  /** It waits for an answer longer than a request may be on its way: one that it gives up has taken effect by then. */
  patient?: boolean;
  /** Nothing of it runs on; whoever waits for its task is told. */
  kill(): void;
}

export interface Simulation {
  readonly scheduler: Scheduler;
  readonly choices: Choices;
  readonly faults: Faults;
  /** The most milliseconds of a request that is not slow. */
  latencyMs: number;
  /** Whose request takes effect at this moment; `undefined`: that of somebody outside. */
  acting: Task | undefined;
  /** Ports that answer nobody, and until when. */
  readonly outages: Map<string, number>;
  violation: Violation | undefined;
  /** The first one counts: what follows may follow from it. */
  violate(invariant: Invariant, text: string): void;
  /** How often each line was logged: where the histories have been. */
  readonly reached: Map<string, number>;
  trace(tell: () => string): void;
  newId(): string;
  logOf(instance: Instance): Log;
}

/** 2026-01-01, so that times have the length that they have. */
const START_MS = 1_767_225_600_000;

export function createSimulation(
  choices: Choices,
  { rates, latencyMs, trace }: { rates: FaultRates; latencyMs: number; trace: string[] | undefined },
): Simulation {
  const scheduler = createScheduler(START_MS);
  const reached = new Map<string, number>();
  let ids = 0;

  const tell =
    trace === undefined
      ? () => undefined
      : (text: () => string) => {
          trace.push(`${((scheduler.nowMs - START_MS) / 1000).toFixed(3)} ${text()}`);
        };

  const simulation: Simulation = {
    scheduler,
    choices,
    faults: createFaults(choices, rates, (kind) => tell(() => `FAULT ${kind}`)),
    latencyMs,
    acting: undefined,
    outages: new Map(),
    violation: undefined,
    violate(invariant, text) {
      simulation.violation ??= { invariant, text, atMs: scheduler.nowMs - START_MS };
      tell(() => `VIOLATION of ${invariant}: ${text}`);
      scheduler.stop();
    },
    reached,
    trace: tell,
    newId: () => `id${String(++ids).padStart(6, '0')}`,
    logOf(instance) {
      const at =
        (level: 'info' | 'warn' | 'error') =>
        (message: string, fields: LogFields = {}) => {
          const line = 'calls' in fields ? `${message}: ${fields.calls}` : message;
          reached.set(line, (reached.get(line) ?? 0) + 1);
          if (level !== 'info') instance.task.complaints++;
          tell(() => `  ${instance.name} ${level}: ${message} ${fieldsText(fields)}`);
        };
      return { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error') };
    },
  };
  return simulation;
}

function fieldsText(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${value instanceof Error ? value.message : String(value)}`)
    .join(' ');
}
