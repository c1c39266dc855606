import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type IndexRow, openIndex } from '#adapters/host/index-db.ts';
import { agentSettings } from '#core/settings/agent.ts';
import { createActivity } from '../../edge-agent/activity.ts';
import { statusOf, statusTable } from '../../edge-agent/status.ts';
import { statusReport } from '../../edge-agent/status-report.ts';
import { folderView } from './folder-view.ts';

const ROW: IndexRow = {
  folder: 'output',
  path: Buffer.from('f'),
  dev: 1n,
  ino: 1n,
  sizeBytes: 1,
  mtimeNs: 1n,
  ctimeNs: 1n,
  md5: '',
  etag: '',
  versionId: '',
  partBytes: 0,
  state: 'synced',
  attempts: 0,
  nextAttemptMs: 0,
  lastError: '',
};

function indexWith(rows: Partial<IndexRow>[]) {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-status-'));
  const index = openIndex(join(directory, 'index.db'));
  for (const row of rows) index.put({ ...ROW, ...row });
  index.flush();
  onTestFinished(() => {
    index.close();
    rmSync(directory, { recursive: true });
  });
  return index;
}

function folder(mode: 'move' | 'mirror' | 'receive' = 'mirror') {
  const [one] = agentSettings.parse({
    store: { bucket: 'b' },
    folders: [{ name: 'output', path: '/srv/output', prefix: 'output/', mode }],
  }).folders;
  if (one === undefined) throw new Error('no folder');
  return one;
}

const named = (name: string, row: Partial<IndexRow>) => ({ path: Buffer.from(name), ...row });

it('says from the index alone what waits, is parked and is held, with reason, attempts and next attempt', () => {
  const index = indexWith([
    named('done', {}),
    named('again', { state: 'waiting', attempts: 3, nextAttemptMs: 60_000, lastError: 'the store is away' }),
    named('pipe', { state: 'parked', lastError: 'is a fifo, not a file' }),
    named('old', { state: 'held', lastError: 'too many deletes' }),
  ]);
  const status = statusOf(folder(), index);
  expect(status).toMatchObject({ mode: 'mirror', synced: 1, waiting: 1, parked: 1, held: 1 });
  expect(status.files).toContainEqual({
    path: 'again',
    state: 'waiting',
    attempts: 3,
    nextAttempt: '1970-01-01T00:01:00.000Z',
    reason: 'the store is away',
  });
  expect(statusTable([status])).toBe(`output: mirror, /srv/output -> output/
  the agent does not run
  1 synced, 1 deletes held, 1 waiting, 1 parked
  held     old: too many deletes
  parked   pipe: is a fifo, not a file
  waiting  again tried 3x, next 1970-01-01T00:01:00.000Z: the store is away
  sluice-agent approve-deletes --folder output carries out the deletes
`);
});

it('adds what the running agent says', () => {
  const lastScan = { endedMs: 40_000, files: 1_234, directories: 5, errors: 0 };
  const metrics = createActivity(() => 60_000);
  metrics.done('output', 'uploaded', 2_048);
  const report = statusReport(
    {
      agent: 'site-a',
      version: '1.2.3',
      startedMs: 0,
      views: () => [folderView({ mode: 'move', queued: 3, lastScan })],
      metrics,
      log: { lines: { DEBUG: 0, INFO: 0, WARN: 0, ERROR: 0 }, problems: () => [] },
    },
    60_000,
  );
  const status = statusOf(folder('move'), indexWith([]), report);
  expect(status.live).toMatchObject({ queued: 3, state: 'working' });
  expect(statusTable([status], { nowMs: 60_000 })).toContain(
    '  working, inotify, 3 queued, 1.0 files/s, 2.0 KiB/s, scanned 20 s ago: 1,234 files, 0 errors\n  1 uploaded since its start, 0 waiting, 0 parked\n',
  );
});

it('shows the first of very many, and all when asked', () => {
  const rows = Array.from({ length: 12_365 }, (_, index) => named(`f${index}`, { state: 'waiting' }));
  const status = statusOf(folder(), indexWith(rows));
  expect(status.files).toHaveLength(12_365);
  const short = statusTable([status]);
  expect(short.match(/^ {2}waiting /gm)).toHaveLength(20);
  expect(short).toContain('  … and 12,345 more (--all shows them)\n');
  const whole = statusTable([status], { all: true });
  expect(whole.match(/^ {2}waiting /gm)).toHaveLength(12_365);
  expect(whole).not.toContain('more');
});

it('prints names that would paint the terminal as text', () => {
  const index = indexWith([named('a\u001b[2J\nforged', { state: 'parked', lastError: '\u009b1m' })]);
  const table = statusTable([statusOf(folder(), index)]);
  expect(table).toContain('  parked   a\\u001b[2J\\nforged: \\u009b1m\n');
});

it('has something to say before the agent has ever run', () => {
  const status = statusOf(folder('receive'), undefined);
  expect(status).toMatchObject({ synced: 0, waiting: 0, parked: 0, held: 0, files: [] });
  expect(statusTable([status])).toContain('output: receive, output/ -> /srv/output\n');
});
