/** The answer of a function as rows of name and value: what is nested by its path, what is empty left out. */

import { countText } from '#core/amounts.ts';
import { timeText } from '#core/time-text.ts';
import { printable, table } from './table.ts';

/** @param timezone of the times, which are numbers whose names end with `edMs`, such as startedMs */
export function answerText(answer: unknown, timezone: string): string {
  const rows = rowsOf('', answer, timezone);
  return rows.length === 0 ? 'nothing' : table(rows);
}

function rowsOf(path: string, value: unknown, timezone: string): string[][] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'object') {
    return Object.entries(value).flatMap(([name, inner]) =>
      rowsOf(path === '' ? name : `${path}.${name}`, inner, timezone),
    );
  }
  if (typeof value !== 'number') return [[path, printable(String(value))]];
  return path.endsWith('edMs')
    ? [[path.slice(0, -2), timeText(value, timezone)]]
    : [[path, countText(value)]];
}
