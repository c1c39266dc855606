/** A line of a function's log as a person reads it. */
import * as z from 'zod';
import { printable } from './table.ts';

export interface LogLine {
  /** DEBUG, INFO, WARN, ERROR; `-` for what is not of our logger. */
  level: string;
  message: string;
  fields: [name: string, value: string][];
}

/** What the logger adds to every line, and what the line shows elsewhere. */
const EVERYWHERE = new Set([
  'level',
  'message',
  'service',
  'timestamp',
  'sampling_rate',
  'requestId',
  'xray_trace_id',
]);
/** Lambda's own lines about an invocation; https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html */
const PLATFORM = /^(?:INIT_START|START|END|REPORT) /;

/** `objects`: each key that the line is about, with what is said of it alone (functions/gathered-log.ts). */
const ours = z.looseObject({
  level: z.string(),
  message: z.string(),
  objects: z.array(z.looseObject({ key: z.string() })).optional(),
});
const errorField = z.looseObject({ name: z.string().optional(), message: z.string() });

/** One for each key; none for lines without news: metrics, and the frame that Lambda puts around an invocation. */
export function logLines(text: string): LogLine[] {
  const value = parsed(text);
  if (typeof value === 'object' && value !== null && '_aws' in value) return [];
  const line = ours.safeParse(value);
  if (!line.success) return PLATFORM.test(text) ? [] : [{ level: '-', message: printable(text), fields: [] }];
  const { level, message, objects, ...same } = line.data;
  if (objects === undefined) return [lineOf(level, message, same)];
  const { count: _count, ...common } = same;
  return objects.map((one) => lineOf(level, message, { ...one, ...common }));
}

function lineOf(level: string, message: string, fields: Readonly<Record<string, unknown>>): LogLine {
  return {
    level: level.toUpperCase(),
    message: printable(message),
    fields: Object.entries(fields)
      .filter(([name]) => !EVERYWHERE.has(name))
      .map(([name, field]) => [printable(name), printable(fieldText(field))]),
  };
}

/** An error without its stack: `--json` has it. */
function fieldText(value: unknown): string {
  const error = errorField.safeParse(value);
  if (error.success) return JSON.stringify(`${error.data.name ?? 'Error'}: ${error.data.message}`);
  if (typeof value === 'string') return /^[\w./:@%+-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? '';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
