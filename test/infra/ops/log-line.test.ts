import { expect, it } from 'vitest';
import { gatheredLog } from '../../../functions/gathered-log.ts';
import { logLines } from '../../../infra/ops/log-line.ts';
import { createMemoryLog } from '../../doubles/log-memory.ts';

it('reads a line of our logger, what every line has left out', () => {
  const line = JSON.stringify({
    level: 'INFO',
    message: 'ledger written',
    service: 'event-replay',
    timestamp: '2026-01-02T03:04:05Z',
    requestId: 'r',
    key: 'a b',
    revision: 3,
  });
  expect(logLines(line)).toEqual([
    {
      level: 'INFO',
      message: 'ledger written',
      fields: [
        ['key', '"a b"'],
        ['revision', '3'],
      ],
    },
  ]);
});

it('shows each key of a batch in a line of its own', () => {
  const { log, lines } = createMemoryLog();
  const gathered = gatheredLog(log);
  for (const key of ['a', 'b']) gathered.info('mirror: copied', { key, destination: 'offsite' });
  gathered.flush();
  const [{ level = '', ...line } = {}] = lines;
  expect(logLines(JSON.stringify({ ...line, level }))).toEqual(
    ['a', 'b'].map((key) => ({
      level: 'INFO',
      message: 'mirror: copied',
      fields: [
        ['key', key],
        ['destination', 'offsite'],
      ],
    })),
  );
});

it('shows an error by its name and message', () => {
  const error = { name: 'SyncError', message: 'away', stack: 'SyncError: away\n at …' };
  const line = JSON.stringify({ level: 'ERROR', message: 'event failed', error });
  expect(logLines(line)[0]?.fields).toEqual([['error', '"SyncError: away"']]);
});

it.each([
  'START RequestId: 1 Version: $LATEST',
  'END RequestId: 1',
  'REPORT RequestId: 1 Duration: 1 ms',
  'INIT_START Runtime Version: nodejs:24',
  JSON.stringify({ _aws: { Timestamp: 1 }, Ingested: 3 }),
])('has nothing to say of %s', (text) => {
  expect(logLines(text)).toEqual([]);
});

it('shows what is of no logger, such as the end of a function', () => {
  expect(logLines('2026-01-02 Task timed out after 15.00 seconds')).toMatchObject([
    { level: '-', message: expect.stringContaining('timed out') },
  ]);
});

it('lets no key of a hostile bucket speak to the terminal', () => {
  const line = JSON.stringify({
    level: 'WARN',
    message: 'x\u001b[2Jy',
    key: 'a\u202egpj.exe',
    '\u001b]0;': 1,
  });
  const shown = JSON.stringify(logLines(line));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(logLines(line)[0]?.message).not.toMatch(/[\u0000-\u001f]/);
  expect(shown).not.toMatch(/\\u001b|\u202e/);
});
