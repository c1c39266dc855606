import { expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { startHeartbeat } from '../../edge-agent/heartbeat.ts';
import { createLog } from '../../edge-agent/log.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import { folderView } from './folder-view.ts';

const KEY = '.sluice/agents/site-a/heartbeat.json';

function heart(everyMs: number) {
  const store = createMemoryStore();
  const lines: string[] = [];
  const log = createLog(
    { level: 'DEBUG', format: 'readable', timezone: 'UTC' },
    (line) => lines.push(line),
    false,
  );
  const beats = () => store.calls.filter((call) => call === `put ${KEY}`).length;
  const start = () =>
    startHeartbeat({
      store,
      agent: 'site-a',
      version: '1.2.3',
      startedMs: 1_000,
      everyMs,
      nowMs: () => 60_000,
      log,
      views: () => [
        folderView({
          path: '/srv/private-name',
          state: 'held',
          reason: 'too many deletes: secret-file.txt',
          queued: 2,
          lastScan: { endedMs: 30_000, files: 1, directories: 1, errors: 0 },
        }),
      ],
    });
  return { store, lines, beats, start };
}

it('writes at once who it is, when, and how its folders are, without the name of a file', async () => {
  const { store, start } = heart(300_000);
  await start().stop();
  const [object] = await Array.fromAsync(store.list('.sluice/'));
  expect(object?.key).toBe(KEY);
  const text = store.contents(KEY as never)?.toString() ?? '';
  expect(JSON.parse(text)).toEqual({
    agent: 'site-a',
    version: '1.2.3',
    startedAt: '1970-01-01T00:00:01.000Z',
    at: '1970-01-01T00:01:00.000Z',
    nextAt: '1970-01-01T00:06:00.000Z',
    folders: [
      {
        name: 'output',
        mode: 'move',
        prefix: 'output/',
        state: 'held',
        watch: 'inotify',
        queued: 2,
        putOff: 0,
        synced: 0,
        waiting: 0,
        parked: 0,
        heldDeletes: 0,
        lastScanAt: '1970-01-01T00:00:30.000Z',
      },
    ],
  });
});

it('beats on until it is stopped', async () => {
  const { beats, start } = heart(1);
  const beating = start();
  await expect.poll(beats).toBeGreaterThan(3);
  await beating.stop();
  const atStop = beats();
  await new Promise(setImmediate);
  expect(beats()).toBe(atStop);
});

it('says once that the store is away and once that it is back, and beats on', async () => {
  const { store, lines, beats, start } = heart(1);
  let code = 'ECONNREFUSED';
  store.before(() => {
    if (code !== '') throw new SyncError(`refused: ${code}`, { op: 'PutObject', retryable: true, code });
  });
  const beating = start();
  await expect.poll(beats).toBeGreaterThan(5);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/WARN {2}no heartbeat: refused: ECONNREFUSED/);
  code = 'AccessDenied';
  await expect.poll(() => lines.length).toBe(2);
  code = '';
  await expect.poll(() => lines.at(-1)).toMatch(/INFO {2}the heartbeat is written again/);
  await beating.stop();
  expect(lines).toHaveLength(3);
});
