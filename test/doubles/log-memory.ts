/** A log whose lines a test can read. */
import type { Log, LogFields } from '../../functions/log.ts';

export type LogLine = LogFields & { level: string; message: string };

export function createMemoryLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      lines.push({ ...fields, level, message });
    };
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines };
}
