import { expect, it } from 'vitest';
import { createActivity } from '../../edge-agent/activity.ts';
import type { FolderView } from '../../edge-agent/folder.ts';
import { createPrometheus } from '../../edge-agent/prometheus.ts';
import { folderView } from './folder-view.ts';

const LINES = { DEBUG: 0, INFO: 2, WARN: 1, ERROR: 0 };

function prometheus(views: () => FolderView[] = () => [folderView({})]) {
  return createPrometheus(views, { agent: 'site-a', version: '1.2.3', startedMs: 5_000, logLines: LINES });
}

interface Family {
  type?: string;
  help?: string;
  samples: string[];
}

/** As the text format has it: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
function familiesOf(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, declared, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (declared !== undefined) {
      const family = families.get(declared) ?? { samples: [] };
      expect(family.samples, `${declared} is declared before its samples`).toEqual([]);
      families.set(declared, { ...family, [kind === 'HELP' ? 'help' : 'type']: rest });
      continue;
    }
    const sample =
      /^([a-z_]+)(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\n"])*",?)*\})? (?:-?[0-9.e+-]+|\+Inf|NaN)$/.exec(line);
    expect(sample, line).not.toBeNull();
    const name = sample?.[1] ?? '';
    families.get(name.replace(/_(?:bucket|sum|count)$/, ''))?.samples.push(line) ??
      families.get(name)?.samples.push(line);
    expect([...families.keys()], line).toContain(
      families.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, ''),
    );
  }
  return families;
}

it('declares help and type of every metric, with names and units as Prometheus wants them', async () => {
  const metrics = prometheus();
  metrics.done('output', 'uploaded', 10);
  metrics.lag('output', 0.2);
  expect(metrics.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  const families = familiesOf(await metrics.text());
  for (const [name, { type, help, samples }] of families) {
    expect(name).toMatch(/^(?:sluice|process|nodejs)_[a-z_]+$/);
    expect(help, name).toMatch(/\.$/);
    expect(type, name).toMatch(/^(?:counter|gauge|histogram)$/);
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
    expect(name, 'base units').not.toMatch(/_(?:ms|milliseconds|minutes|kb|mb|kib|mib|percent)(?:_|$)/);
    expect(new Set(samples.map((line) => line.slice(0, line.lastIndexOf(' ')))).size, name).toBe(
      samples.length,
    );
  }
  expect([...families.keys()].filter((name) => name.startsWith('sluice_')).sort()).toEqual([
    'sluice_build_info',
    'sluice_bytes_total',
    'sluice_failures_total',
    'sluice_files_total',
    'sluice_folder_info',
    'sluice_folder_state',
    'sluice_held_deletes',
    'sluice_lag_seconds',
    'sluice_last_scan_directories',
    'sluice_last_scan_errors',
    'sluice_last_scan_files',
    'sluice_last_scan_timestamp_seconds',
    'sluice_log_lines_total',
    'sluice_parked_files',
    'sluice_put_off_files',
    'sluice_queue_length',
    'sluice_synced_files',
    'sluice_waiting_files',
  ]);
});

it('counts what is done and what failed by folder, from zero', async () => {
  const metrics = prometheus();
  const before = await metrics.text();
  expect(before).toContain('sluice_files_total{folder="output",what="uploaded"} 0\n');
  expect(before).toContain('sluice_failures_total{folder="output"} 0\n');
  expect(before).toContain('sluice_lag_seconds_count{folder="output"} 0\n');
  metrics.done('output', 'uploaded', 10);
  metrics.done('output', 'uploaded', 5);
  metrics.done('output', 'failed');
  metrics.lag('output', 0.2);
  metrics.lag('output', -3);
  const text = await metrics.text();
  expect(text).toContain('sluice_files_total{folder="output",what="uploaded"} 2\n');
  expect(text).toContain('sluice_bytes_total{folder="output",what="uploaded"} 15\n');
  expect(text).toContain('sluice_failures_total{folder="output"} 1\n');
  expect(text).not.toContain('what="failed"');
  expect(text).toContain('sluice_lag_seconds_bucket{le="0.25",folder="output"} 2\n');
  expect(text).toContain('sluice_lag_seconds_sum{folder="output"} 0.2\n');
});

it('shows each folder as it is now', async () => {
  let view = folderView({ queued: 4, heldDeletes: 9, state: 'held', lastScan: scan(12_500) });
  const metrics = prometheus(() => [view]);
  const first = await metrics.text();
  expect(first).toContain('sluice_queue_length{folder="output"} 4\n');
  expect(first).toContain('sluice_held_deletes{folder="output"} 9\n');
  expect(first).toContain('sluice_last_scan_timestamp_seconds{folder="output"} 12.5\n');
  expect(first).toContain('sluice_folder_state{folder="output",state="held"} 1\n');
  expect(first).toContain('watch="inotify"} 1\n');
  view = folderView({ watch: 'polling' });
  const second = await metrics.text();
  expect(second).toContain('sluice_folder_state{folder="output",state="held"} 0\n');
  expect(second).toContain('sluice_folder_state{folder="output",state="working"} 1\n');
  expect(second).not.toContain('watch="inotify"');
});

it('escapes what a path may hold', async () => {
  const text = await prometheus(() => [folderView({ path: '/a"b\\c\nd' })]).text();
  familiesOf(text);
  expect(text).toContain('path="/a\\"b\\\\c\\nd"');
});

it('counts log lines, and says what runs', async () => {
  const metrics = prometheus();
  await metrics.text();
  const text = await metrics.text();
  expect(text).toContain('sluice_log_lines_total{level="INFO"} 2\n');
  expect(text).toMatch(/sluice_build_info\{agent="site-a",version="1\.2\.3",node="[^"]+"\} 1\n/);
  expect(text).toContain('process_start_time_seconds 5\n');
  expect(text).toMatch(/process_open_fds [1-9]/);
});

it('gives rates of the last minute, and totals since the start', () => {
  let nowMs = 0;
  const activity = createActivity(() => nowMs);
  const second = (seconds: number) => {
    nowMs = seconds * 1000;
  };
  second(10);
  for (let index = 0; index < 20; index++) activity.done('f', 'uploaded', 100);
  activity.done('f', 'unchanged', 100);
  activity.lag('f', 2);
  activity.lag('f', 1);
  expect(activity.of('f')).toMatchObject({
    filesPerSecond: 2,
    bytesPerSecond: 200,
    lagSeconds: 2,
    bytes: 2100,
  });
  second(69);
  expect(activity.of('f')).toMatchObject({ filesPerSecond: 20 / 60, lagSeconds: 2 });
  second(70);
  const later = activity.of('f');
  expect(later).toMatchObject({ filesPerSecond: 0, bytesPerSecond: 0, done: { uploaded: 20, unchanged: 1 } });
  expect(later.lagSeconds).toBeUndefined();
});

function scan(endedMs: number) {
  return { endedMs, files: 1, directories: 1, errors: 0 };
}
