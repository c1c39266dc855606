/** One line for each thing that happened: for people on a terminal, or JSON for machines. */
export type Level = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
type Fields = Readonly<Record<string, string | number | undefined>>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

const RANK: Record<Level, number> = { DEBUG: 0, INFO: 1, WARN: 2, ERROR: 3 };

export function createLog(
  options: { level: Level; format: 'readable' | 'json' },
  write: (line: string) => void = (line) => process.stdout.write(line),
): Log {
  const at =
    (level: Level) =>
    (message: string, fields: Fields = {}) => {
      if (RANK[level] < RANK[options.level]) return;
      const now = new Date();
      write(
        options.format === 'json'
          ? jsonLine(level, message, fields, now)
          : readableLine(level, message, fields, now),
      );
    };
  return { debug: at('DEBUG'), info: at('INFO'), warn: at('WARN'), error: at('ERROR') };
}

function jsonLine(level: Level, message: string, fields: Fields, now: Date): string {
  return `${JSON.stringify({ time: now.toISOString(), level, message, ...fields })}\n`;
}

/** Control characters of a file name would let it forge lines or paint the terminal. */
function readableLine(level: Level, message: string, fields: Fields, now: Date): string {
  const time = now.toTimeString().slice(0, 8);
  const { key, ...rest } = fields;
  const details = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  const line = [time, level.padEnd(5), message, key, ...details]
    .filter((part) => part !== undefined)
    .join(' ');
  return `${line.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1))}\n`;
}
