import { expect, it } from 'vitest';
import { type CountedLog, createLog } from '../../edge-agent/log.ts';

interface Options {
  format?: 'readable' | 'json';
  timezone?: string;
  coloured?: boolean;
}

function linesOf(
  { format = 'readable', timezone, coloured = false }: Options,
  act: (log: CountedLog) => void,
) {
  const written: string[] = [];
  const settings = { level: 'INFO' as const, format, ...(timezone === undefined ? {} : { timezone }) };
  act(createLog(settings, (line) => written.push(line), coloured));
  return written;
}

it('writes one line, whatever a file is called', () => {
  const [line] = linesOf({}, (log) => log.info('uploaded', { key: 'a\nERROR forged\u001b[2J' }));
  expect(line).toContain('uploaded a\\nERROR forged\\u001b[2J');
  expect(line?.trimEnd()).not.toMatch(/\p{Cc}/u);
});

it('sets a key off from a reason, whose end it would seem to be', () => {
  const [verb, reason] = linesOf({}, (log) => {
    log.info('uploaded', { key: 'a', bytes: 3 });
    log.warn('skipped: is a fifo, not a file', { key: 'pipe' });
  });
  expect(verb).toContain('uploaded a bytes=3\n');
  expect(reason).toContain('skipped: is a fifo, not a file key=pipe\n');
});

it.each([
  ['a control sequence of one character', '\u009b2J', '\\u009b2J'],
  ['a delete', 'a\u007fb', 'a\\u007fb'],
  ['a name that reads backwards', 'gpj.\u202eexe', 'gpj.\\u202eexe'],
  ['a line separator', 'a\u2028b', 'a\\u2028b'],
])('shows %s as an escape', (_, key, shown) => {
  const [line] = linesOf({}, (log) => log.info('uploaded', { key }));
  expect(line).toContain(`uploaded ${shown}\n`);
});

it('keeps names of any language as they are', () => {
  const [line] = linesOf({}, (log) => log.info('uploaded', { key: 'größe/日本語 📦.txt' }));
  expect(line).toContain('uploaded größe/日本語 📦.txt\n');
});

it('writes JSON that parses, and nothing below its level', () => {
  const written = linesOf({ format: 'json' }, (log) => {
    log.debug('hidden');
    log.warn('seen', { key: 'k', bytes: 3 });
  });
  expect(written).toHaveLength(1);
  expect(JSON.parse(written[0] ?? '')).toMatchObject({ level: 'WARN', message: 'seen', key: 'k', bytes: 3 });
});

it('shows date and time in the time zone of the settings, to people only', () => {
  const shown = (timezone: string) => {
    const [line = ''] = linesOf({ timezone }, (log) => log.info('x'));
    expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO {2}x\n$/);
    return Date.parse(`${line.slice(0, 10)}T${line.slice(11, 19)}Z`);
  };
  const hours = (shown('Pacific/Kiritimati') - shown('Pacific/Honolulu')) / 3_600_000;
  expect(Math.round(hours)).toBe(24);
  const [json = ''] = linesOf({ format: 'json', timezone: 'Pacific/Kiritimati' }, (log) => log.info('x'));
  const { time } = JSON.parse(json);
  expect(time).toMatch(/Z$/);
  expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(3_600_000);
});

it('colours a terminal so that warnings and errors stand out, and nothing else', () => {
  const act = (log: CountedLog) => {
    log.info('fine');
    log.warn('odd');
    log.error('bad');
  };
  const [info, warn, error] = linesOf({ coloured: true }, act);
  expect(info).toContain('\u001b[32mINFO \u001b[39m fine');
  expect(warn).toContain('\u001b[33modd');
  expect(error).toContain('\u001b[31mbad');
  expect(linesOf({}, act).join('')).not.toContain('\u001b');
  expect(linesOf({ format: 'json', coloured: true }, act).join('')).not.toContain('\u001b');
});

it('counts its lines by level, and keeps the last problems for who looks later', () => {
  const log = createLog({ level: 'INFO', format: 'json' }, () => {}, false);
  log.debug('not written');
  for (let index = 0; index < 60; index++) log.warn('odd', { key: `f${index}` });
  log.error('bad\nname', { hint: 'do this' });
  log.info('fine');
  expect(log.lines).toEqual({ DEBUG: 0, INFO: 1, WARN: 60, ERROR: 1 });
  expect(log.problems()).toHaveLength(50);
  expect(log.problems()[0]).toMatchObject({ level: 'ERROR', text: 'bad\\nname hint=do this' });
  expect(log.problems().at(-1)).toMatchObject({ level: 'WARN', text: 'odd f11' });
});
