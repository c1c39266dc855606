/**
 * Ports as an instance sees them: every call is a request that takes effect at one instant, some time after it was made,
 * and that can fail in every way of `CALL_FAULTS`. What is behind the port is a double that passes the port's contract.
 *
 * Effect and answer are one event: between two requests of one flow only the order of effects can be seen, and any delay
 * of an answer is a delay of the next request.
 */
import { SyncError } from '#core/errors.ts';
import type { Instance, Simulation } from './simulation.ts';

/** Requests that change nothing. */
const READS = new Set(['head', 'get', 'tags', 'bucketExists', 'partBytes', 'list', 'entries']);
READS.add('listParts').add('listUploads');
/** Answered page by page, each page as the store is at that moment. */
const PAGED = new Set(['list', 'entries', 'listParts', 'listUploads']);
/** A request that was given up may take effect that much later; sooner than anybody tries again. */
const LATE_MS = 4_000;
/** What the adapters wait for an answer. */
const SLOW_MS = 60_000;
const SMALL_PAGE = 2;
const ALL = 1_000;

interface Call {
  port: string;
  method: string;
  about: string;
  /** One of several at once: when two of them fail, the first failure stands for both. */
  oneOfMany?: boolean;
}

/** @param name of the port, for outages and the trace */
export function remote<Port extends object>(
  sim: Simulation,
  instance: Instance,
  name: string,
  port: Port,
): Port {
  const methods = Object.entries(port).map(([method, value]) => {
    if (typeof value !== 'function') return [method, value];
    if (PAGED.has(method)) return [method, paged(sim, instance, name, method, value)];
    return [
      method,
      (...args: unknown[]) =>
        request(
          sim,
          instance,
          { port: name, method, about: nameOf(args[0]), oneOfMany: isPart(method, args[1]) },
          () => value(...args),
        ),
    ];
  });
  return Object.fromEntries(methods);
}

/** One in eight is slow, up to 20 times as slow as the rest: what began later often ends earlier. */
function latency({ choices, latencyMs }: Simulation): number {
  const drawn = choices.below(8 * latencyMs);
  return drawn < 7 * latencyMs ? drawn % latencyMs : 20 * (drawn - 7 * latencyMs);
}

function isPart(method: string, options: unknown): boolean {
  if (method.startsWith('uploadPart')) return true;
  return method === 'get' && typeof options === 'object' && options !== null && 'range' in options;
}

/** Resolves with what the effect answers, or rejects, or never does anything: then the instance is dead. */
export function request<Answer>(
  sim: Simulation,
  instance: Instance,
  call: Call,
  effect: () => Promise<Answer>,
): Promise<Answer> {
  const { scheduler, choices, faults } = sim;
  const { task } = instance;
  const changes = !READS.has(call.method);
  const tell = (what: string) =>
    sim.trace(() => `${instance.name} ${call.port}.${call.method} ${call.about}: ${what}`);
  const run = () => {
    sim.acting = task;
    return effect();
  };
  const forNobody = (what: string) => {
    tell(what);
    run().then(ignore, ignore);
  };
  const later = () => scheduler.after(2 * choices.below(LATE_MS / 2), () => forNobody('takes effect late'));

  return new Promise((resolve, reject) => {
    if (!instance.alive) return;
    const fault = faults.ofCall(changes);
    const neededMs = 1 + latency(sim) + (fault === 'slow' ? choices.below(SLOW_MS) : 0);
    const delayMs =
      instance.patient === true ? untilEven(scheduler.nowMs + neededMs) - scheduler.nowMs : neededMs;
    const fail = (code: string) => {
      tell(code);
      if (call.oneOfMany !== true) task.errors++;
      reject(failure(call, code));
    };
    scheduler.after(delayMs, () => {
      if (!instance.alive) {
        // It may have been on its way when the instance died; what hangs for long goes with the connection.
        if (changes && fault !== 'slow' && choices.happens(0.5))
          forNobody('takes effect after the death of its instance');
        return;
      }
      if ((sim.outages.get(call.port) ?? 0) > scheduler.nowMs) return fail('ServiceUnavailable');
      switch (fault) {
        case 'unavailable':
          return fail('ServiceUnavailable');
        case 'lost reply':
          forNobody('takes effect');
          return fail('TimeoutError');
        case 'late':
          later();
          if (instance.patient !== true) return fail('TimeoutError');
          return scheduler.after(LATE_MS, () => {
            if (instance.alive) fail('TimeoutError');
          });
        case 'crash after':
          forNobody('takes effect');
          return instance.kill();
        case 'crash in flight':
          later();
          return instance.kill();
        case 'crash before':
          return instance.kill();
        case 'doubled':
          tell('done twice');
          if (instance.patient !== true) return settle(run().then(run), instance, resolve, reject);
          run().then(ignore, ignore);
          return scheduler.after(2, () => settle(run(), instance, resolve, reject));
        default:
          tell('done');
          return settle(run(), instance, resolve, reject);
      }
    });
  });
}

/** A retryable failure, as adapters throw it. */
export function failure({ port, method, about }: Call, code: string, retryable = true): SyncError {
  return new SyncError(`${port}.${method} ${about}: ${code}`, { op: method, key: about, retryable, code });
}

/** Users write at odd times and agents at even ones: nobody could tell the order of two writes at one time. */
function untilEven(ms: number): number {
  return 2 * Math.ceil(ms / 2);
}

/** Whoever is dead by then hears nothing. */
function settle<Answer>(
  answer: Promise<Answer>,
  instance: Instance,
  resolve: (answer: Answer) => void,
  reject: (error: unknown) => void,
): void {
  answer.then(
    (value) => instance.alive && resolve(value),
    (error: unknown) => instance.alive && reject(error),
  );
}

function ignore(): void {}

type Listing = (...args: unknown[]) => AsyncIterable<{ key?: string }>;

function paged(sim: Simulation, instance: Instance, port: string, method: string, listing: Listing) {
  return async function* (...args: unknown[]): AsyncGenerator<{ key?: string }> {
    const at = method === 'entries' ? 0 : method === 'list' ? 1 : undefined;
    let rest = args;
    for (;;) {
      const size = at !== undefined && sim.choices.happens(0.5) ? SMALL_PAGE : ALL;
      const from = rest;
      const about = nameOf(args[0]);
      const page = await request(sim, instance, { port, method, about }, () => take(listing(...from), size));
      yield* page;
      const last = page.at(-1)?.key;
      if (at === undefined || page.length < size || last === undefined) return;
      rest = at === 0 ? [{ after: last }] : [args[0], { after: last }];
    }
  };
}

async function take<Item>(items: AsyncIterable<Item>, most: number): Promise<Item[]> {
  const taken: Item[] = [];
  for await (const item of items) if (taken.push(item) === most) break;
  return taken;
}

function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null && 'key' in value ? String(value.key) : '';
}
