/**
 * Lambda and its event source mappings: containers that are kept between invocations and die with what they hold, batches
 * of any size, a time that ends, and messages that are done only when the function has said so.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { SyncError } from '#core/errors.ts';
import type { SimQueue } from './queue.ts';
import type { Instance, Simulation, Task } from './simulation.ts';

export interface Invocation {
  requestId: string;
  remainingMs: () => number;
}

export interface FunctionSettings<Event, Answer> {
  name: string;
  timeoutMs: number;
  /** Runs once in a container: what it answers handles the events. */
  boot: (instance: Instance) => (event: Event, invocation: Invocation) => Promise<Answer>;
}

export interface SimFunction<Event, Answer> {
  /** `undefined`: it failed, or ended before its time; nothing of it runs on. */
  invoke(event: Event): Promise<{ answer: Answer } | undefined>;
  /** Every container makes way for a new one once it is idle, as after a deployment. */
  restart(): void;
}

interface Container<Event, Answer> {
  instance: Instance;
  handle: (event: Event, invocation: Invocation) => Promise<Answer>;
}

/** Containers whose clocks are off are off by at most that. */
const CLOCK_OFF_MS = 2_000;

export function createFunction<Event, Answer>(
  sim: Simulation,
  { name, timeoutMs, boot }: FunctionSettings<Event, Answer>,
): SimFunction<Event, Answer> {
  const { scheduler, choices, faults } = sim;
  let idle: Container<Event, Answer>[] = [];
  let booted = 0;

  function container(): Container<Event, Answer> {
    const kept = idle.pop();
    if (kept !== undefined) return kept;
    const instance: Instance = {
      name: `${name}#${++booted}`,
      alive: true,
      clockOffMs: 0,
      task: taskOf('none', scheduler.nowMs, 0),
      kill: () => undefined,
    };
    return { instance, handle: boot(instance) };
  }

  return {
    restart() {
      idle = [];
    },
    invoke(event) {
      const { instance, handle } = container();
      if (faults.hits('clock step')) instance.clockOffMs = choices.below(2 * CLOCK_OFF_MS) - CLOCK_OFF_MS;
      const task = taskOf(sim.newId(), scheduler.nowMs, timeoutMs);
      instance.task = task;
      const remainingMs = () => task.deadlineMs - scheduler.nowMs;
      sim.trace(() => `${instance.name} begins ${task.id}`);
      return new Promise((resolve) => {
        let open = true;
        const end = (result: { answer: Answer } | undefined) => {
          if (!open) return;
          open = false;
          resolve(result);
        };
        instance.kill = () => {
          instance.alive = false;
          sim.trace(() => `${instance.name} ends before ${task.id} is done`);
          end(undefined);
        };
        scheduler.after(timeoutMs, () => {
          if (!open) return;
          faults.count('timed out');
          instance.kill();
        });
        handle(event, { requestId: task.id, remainingMs }).then(
          (answer) => {
            idle.push({ instance, handle });
            judge(sim, instance, task, failuresOf(answer));
            end({ answer });
          },
          (error: unknown) => {
            if (!(error instanceof SyncError)) sim.violate('bug', `${instance.name} threw ${textOf(error)}`);
            sim.trace(() => `${instance.name} threw ${String(error)}`);
            idle.push({ instance, handle });
            end(undefined);
          },
        );
      });
    },
  };
}

/** I4: what went wrong in an invocation is in its log, or in its answer. */
function judge(sim: Simulation, { name }: Instance, task: Task, failures: number): void {
  if (task.errors > 0 && task.complaints === 0 && failures === 0)
    sim.violate('I4', `${name} saw ${task.errors} errors and said nothing`);
}

function failuresOf(answer: unknown): number {
  if (typeof answer !== 'object' || answer === null || !('batchItemFailures' in answer)) return 0;
  return Array.isArray(answer.batchItemFailures) ? answer.batchItemFailures.length : 0;
}

function taskOf(id: string, startedMs: number, timeoutMs: number): Task {
  return { id, startedMs, deadlineMs: startedMs + timeoutMs, errors: 0, complaints: 0 };
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

export interface MappingSettings {
  batchSize: number;
  maxConcurrency: number;
  windowMs: number;
}

/** Feeds the function with the messages of the queue, whenever there are some. */
export function connect(
  sim: Simulation,
  queue: SimQueue,
  { invoke }: SimFunction<SQSEvent, SQSBatchResponse>,
  { batchSize, maxConcurrency, windowMs }: MappingSettings,
): void {
  const { scheduler, choices } = sim;
  let running = 0;
  /** When somebody will look at the queue next. */
  let nextPollMs = Number.POSITIVE_INFINITY;

  function schedule(): void {
    const visibleMs = queue.nextVisibleMs();
    if (visibleMs === undefined || running >= maxConcurrency) return;
    const waitMs = Math.max(0, visibleMs - scheduler.nowMs);
    if (scheduler.nowMs + waitMs >= nextPollMs) return;
    const delayMs = waitMs + 1 + choices.below(sim.latencyMs) + choices.below(windowMs + 1);
    const atMs = scheduler.nowMs + delayMs;
    nextPollMs = atMs;
    scheduler.after(delayMs, () => {
      if (nextPollMs === atMs) nextPollMs = Number.POSITIVE_INFINITY;
      poll();
    });
  }

  function poll(): void {
    if (running < maxConcurrency) {
      const records = queue.receive(1 + choices.below(batchSize));
      if (records.length > 0) void work(records);
    }
    schedule();
  }

  async function work(records: SQSRecord[]): Promise<void> {
    running++;
    const result = await invoke({ Records: records });
    running--;
    if (result !== undefined) {
      const failed = new Set(result.answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      for (const { messageId, receiptHandle } of records) {
        if (!failed.has(messageId)) queue.remove(receiptHandle);
      }
    }
    schedule();
  }

  queue.onChange = schedule;
}
