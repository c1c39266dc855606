/** One line for each thing that happened: for people on a terminal, or JSON for machines. */
import { styleText } from 'node:util';
import type { AgentSettings } from '#core/settings/agent.ts';

export type Level = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
type Fields = Readonly<Record<string, string | number | undefined>>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/** A WARN or ERROR line, kept for the status page. */
interface Problem {
  atMs: number;
  level: Level;
  /** With its key and details, on one line. */
  text: string;
}

export interface CountedLog extends Log {
  /** Lines written so far; what is below the level of the log is neither written nor counted. */
  readonly lines: Readonly<Record<Level, number>>;
  /** The last ones, the newest first. */
  problems(): Problem[];
}

const RANK: Record<Level, number> = { DEBUG: 0, INFO: 1, WARN: 2, ERROR: 3 };
const PROBLEMS_KEPT = 50;

/** Colours belong to a terminal whose user has not said NO_COLOR (https://no-color.org). */
export function createLog(
  options: AgentSettings['log'],
  write: (line: string) => void = (line) => process.stdout.write(line),
  coloured: boolean = process.stdout.isTTY === true && process.stdout.hasColors(),
): CountedLog {
  const lines: Record<Level, number> = { DEBUG: 0, INFO: 0, WARN: 0, ERROR: 0 };
  const problems: Problem[] = [];
  const timeOf = clock(options.timezone);

  const at =
    (level: Level) =>
    (message: string, fields: Fields = {}) => {
      if (RANK[level] < RANK[options.level]) return;
      const now = new Date();
      lines[level]++;
      const text = readable(message, fields);
      if (RANK[level] >= RANK.WARN) {
        problems.unshift({ atMs: now.getTime(), level, text });
        problems.length = Math.min(problems.length, PROBLEMS_KEPT);
      }
      write(
        options.format === 'json'
          ? `${JSON.stringify({ time: now.toISOString(), level, message, ...fields })}\n`
          : `${timeOf(now)} ${coloured ? painted(level, text) : `${level.padEnd(5)} ${text}`}\n`,
      );
    };
  return {
    debug: at('DEBUG'),
    info: at('INFO'),
    warn: at('WARN'),
    error: at('ERROR'),
    lines,
    problems: () => [...problems],
  };
}

/**
 * Control characters of a file name would let it forge lines or paint the terminal, and marks of writing direction
 * would let it read as another name; they are shown as escapes.
 */
export function oneLine(text: string): string {
  // Most texts have none, and this look is much quicker.
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const short = JSON.stringify(character).slice(1, -1);
    return short.startsWith('\\') ? short : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Bare behind a verb, as in `uploaded a.txt`; behind a reason it would read as the reason's end. */
function readable(message: string, { key, ...rest }: Fields): string {
  let text = message;
  if (key !== undefined) text += message.includes(': ') ? ` key=${key}` : ` ${key}`;
  for (const name in rest) if (rest[name] !== undefined) text += ` ${name}=${rest[name]}`;
  return oneLine(text);
}

function painted(level: Level, text: string): string {
  const paint = (format: Parameters<typeof styleText>[0], what: string) =>
    styleText(format, what, { validateStream: false });
  switch (level) {
    case 'ERROR':
      return `${paint(['bold', 'red'], 'ERROR')} ${paint('red', text)}`;
    case 'WARN':
      return `${paint(['bold', 'yellow'], 'WARN ')} ${paint('yellow', text)}`;
    case 'INFO':
      return `${paint('green', 'INFO ')} ${text}`;
    case 'DEBUG':
      return paint('dim', `DEBUG ${text}`);
  }
}

/** `2026-11-21 17:05:09` in the zone. Formatting costs more than the rest of a line, so a second is formatted once. */
function clock(timeZone: string | undefined): (now: Date) => string {
  const format = new Intl.DateTimeFormat('en', {
    ...(timeZone === undefined ? {} : { timeZone }),
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  let second = Number.NaN;
  let text = '';
  return (now) => {
    const current = Math.floor(now.getTime() / 1000);
    if (current !== second) {
      const part = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
      text = `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second}`;
      second = current;
    }
    return text;
  };
}
