/** `ops logs`: what the functions say, as lines in the stack's timezone. */
import { type FilteredLogEvent, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { timeText } from '#core/time-text.ts';
import { type Command, DONE, type Ops } from './command.ts';
import { findConsumer } from './consumers.ts';
import { durationOption } from './duration-option.ts';
import { logLines } from './log-line.ts';
import { UsageError } from './usage-error.ts';

interface Source {
  /** As in the outputs of the stack. */
  name: string;
  logGroup: string;
}

interface Event {
  id: string;
  timeMs: number;
  source: Source;
  text: string;
}

/** CloudWatch shows lines late, and not in their order: each look goes back so far, and passes over what was seen. */
const LATE_MS = 15_000;

export const logs: Command = {
  usage: '[FUNCTION] [--since 10m] [--follow]',
  summary: 'what the functions log, all of them or one',
  details: `FUNCTION is an output of the stack such as EventReplay or MirrorSiteB, or the start of one; or a consumer as redrive
names it, such as ledger or a destination. --json prints a line for each line of the log.

  ops logs --since 1h
  ops logs MirrorSiteB --follow
  ops logs --since 1d --json`,
  options: { since: { type: 'string' }, follow: { type: 'boolean' } },
  words: { min: 0, max: 1 },
  on: 'stack',
  async run(ops, [name], { since = '10m', follow }) {
    const sources = await sourcesOf(ops, name);
    const fromMs = ops.nowMs() - durationOption('since', String(since));
    const seen = new Map<string, number>();
    let newestMs = fromMs;
    for (let beginMs = fromMs; ; beginMs = Math.max(fromMs, newestMs - LATE_MS)) {
      for await (const event of merged(sources.map((source) => eventsOf(ops, source, beginMs)))) {
        if (seen.has(event.id)) continue;
        if (follow === true) seen.set(event.id, event.timeMs);
        newestMs = Math.max(newestMs, event.timeMs);
        show(ops, event);
      }
      if (follow !== true) return DONE;
      for (const [id, timeMs] of seen) if (timeMs < newestMs - 2 * LATE_MS) seen.delete(id);
      await ops.delay(ops.pollMs);
    }
  },
};

async function sourcesOf({ clients, stack }: Ops, wanted: string | undefined): Promise<Source[]> {
  const functions = Object.entries(stack.outputs).filter(([key]) => isFunction(key, stack.outputs));
  const lower = wanted?.toLowerCase() ?? '';
  const consumer = findConsumer(stack.consumers, wanted ?? '')?.functionName;
  const exact = functions.filter(
    ([key, value]) => value === consumer || [key.toLowerCase(), value.toLowerCase()].includes(lower),
  );
  const chosen = exact.length > 0 ? exact : functions.filter(([key]) => key.toLowerCase().startsWith(lower));
  if (chosen.length === 0) {
    const known = functions.map(([key]) => key).join(', ');
    throw new UsageError(`${wanted} is no function of ${stack.name}; there are ${known}`);
  }
  return Promise.all(
    chosen.map(async ([name, functionName]) => {
      const { LoggingConfig } = await clients
        .lambda()
        .send(new GetFunctionConfigurationCommand({ FunctionName: functionName }));
      return { name, logGroup: LoggingConfig?.LogGroup ?? `/aws/lambda/${functionName}` };
    }),
  );
}

async function* eventsOf({ clients }: Ops, source: Source, startTime: number): AsyncGenerator<Event> {
  let nextToken: string | undefined;
  do {
    const page = await readPage(clients, source, startTime, nextToken);
    for (const { eventId, logStreamName, timestamp = 0, message = '' } of page.events) {
      // The local emulator gives its events no id.
      const id = eventId ?? `${logStreamName} ${timestamp} ${message}`;
      yield { id: `${source.name} ${id}`, timeMs: timestamp, source, text: message.trimEnd() };
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
}

async function readPage(
  clients: Ops['clients'],
  { logGroup }: Source,
  startTime: number,
  nextToken: string | undefined,
): Promise<{ events: FilteredLogEvent[]; nextToken?: string | undefined }> {
  try {
    const { events = [], nextToken: next } = await clients.logs().send(
      new FilterLogEventsCommand({
        logGroupName: logGroup,
        startTime,
        ...(nextToken === undefined ? {} : { nextToken }),
      }),
    );
    return { events, nextToken: next };
  } catch (error) {
    // A function that has never run may have no group yet.
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return { events: [] };
    throw error;
  }
}

/** In the order of their times, as each source is. */
async function* merged(sources: readonly AsyncGenerator<Event>[]): AsyncGenerator<Event> {
  const heads = await Promise.all(
    sources.map(async (source) => ({ source, head: (await source.next()).value as Event | undefined })),
  );
  for (;;) {
    const next = heads
      .filter(({ head }) => head !== undefined)
      .sort((left, right) => (left.head?.timeMs ?? 0) - (right.head?.timeMs ?? 0))[0];
    if (next?.head === undefined) return;
    yield next.head;
    next.head = (await next.source.next()).value as Event | undefined;
  }
}

function show({ terminal, stack, json }: Ops, { timeMs, source, text }: Event): void {
  if (json) {
    terminal.print(
      JSON.stringify({ time: new Date(timeMs).toISOString(), function: source.name, line: parsed(text) }),
    );
    return;
  }
  for (const { level, message, fields } of logLines(text)) {
    const style = LEVEL_STYLES[level] ?? 'dim';
    terminal.print(
      [
        terminal.paint('dim', timeText(timeMs, stack.timezone, { fraction: true })),
        terminal.paint(style, level.padEnd(5)),
        terminal.paint('bold', source.name),
        message,
        ...fields.map(([name, value]) => `${terminal.paint('dim', `${name}=`)}${value}`),
      ].join(' '),
    );
  }
}

const LEVEL_STYLES: Readonly<Record<string, 'red' | 'yellow' | 'green'>> = {
  ERROR: 'red',
  CRITICAL: 'red',
  WARN: 'yellow',
  INFO: 'green',
};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text;
  }
}

function isFunction(key: string, outputs: Readonly<Record<string, string>>): boolean {
  return FUNCTIONS.includes(key) || outputs[`${key}QueueUrl`] !== undefined;
}

/** Outputs with the name of a function that no queue feeds. */
const FUNCTIONS = ['StateReport', 'Retention', 'Ingest'];
