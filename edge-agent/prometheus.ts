/**
 * The metrics as Prometheus reads them. Names, units and labels follow
 * https://prometheus.io/docs/practices/naming/ ; no label holds a file name, so the number of series is bounded.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type Activity, createActivity, nothingDone } from './activity.ts';
import { type BucketPrometheus, bucketPrometheus } from './bucket-prometheus.ts';
import { type BucketView, isLane } from './bucket-view.ts';
import type { FolderView } from './folder.ts';
import type { Level } from './log.ts';
import type { Done } from './metrics.ts';

export interface PrometheusMetrics extends Activity {
  /** The whole exposition, format 0.0.4. Throws what `views` throws. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface About {
  agent: string;
  version: string;
  startedMs: number;
  /** Lines that the log has written. */
  logLines: Readonly<Record<Level, number>>;
}

const STATES: readonly FolderView['state'][] = ['starting', 'working', 'unavailable', 'held', 'stopped'];
/** From a small file on a LAN to a night without the store. */
const LAG_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200];

export function createPrometheus(
  views: () => readonly FolderView[],
  about: About,
  bucketViews: () => readonly BucketView[] = () => [],
): PrometheusMetrics {
  const registry = new Registry();
  const activity = createActivity();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers });

  const files = counter('sluice_files_total', 'Files done, by what was done.', ['folder', 'what']);
  const bytes = counter('sluice_bytes_total', 'Bytes of the files done, by what was done.', [
    'folder',
    'what',
  ]);
  const failures = counter('sluice_failures_total', 'Attempts that failed.', ['folder']);
  const lag = new Histogram({
    name: 'sluice_lag_seconds',
    help: 'From a file being closed to the store having confirmed it.',
    labelNames: ['folder'],
    buckets: LAG_BUCKETS,
    registers,
  });
  const logLines = counter('sluice_log_lines_total', 'Log lines written.', ['level']);
  gauge('sluice_build_info', 'Always 1; the labels say what runs.', ['agent', 'version', 'node']).set(
    { agent: about.agent, version: about.version, node: process.versions.node },
    1,
  );
  const folders = folderGauges(gauge);
  let made: BucketPrometheus | undefined;
  /** Only an agent that has buckets shows their metrics. */
  function buckets(): BucketPrometheus {
    made ??= bucketPrometheus(registry);
    return made;
  }
  const processes = processMetrics(counter, gauge, about.startedMs);

  function known(folder: string): void {
    for (const what of Object.keys(nothingDone()) as Done[]) {
      if (what === 'failed') continue;
      files.inc({ folder, what }, 0);
      bytes.inc({ folder, what }, 0);
    }
    failures.inc({ folder }, 0);
    lag.zero({ folder });
  }

  const seen = new Set<string>();
  return {
    done(folder, what, sizeBytes = 0) {
      activity.done(folder, what, sizeBytes);
      if (isLane(folder)) return buckets().done(folder, what, sizeBytes);
      if (what === 'failed') {
        failures.inc({ folder });
        return;
      }
      files.inc({ folder, what });
      bytes.inc({ folder, what }, sizeBytes);
    },
    lag(folder, seconds) {
      // A clock that was set back gives negative ages.
      const positive = Math.max(0, seconds);
      activity.lag(folder, positive);
      if (isLane(folder)) return buckets().lag(folder, positive);
      lag.observe({ folder }, positive);
    },
    of: activity.of,
    async text() {
      const now = views();
      for (const { name } of now) {
        // Series that begin at zero, so that the first event is an increase.
        if (!seen.has(name)) known(name);
        seen.add(name);
      }
      folders(now);
      const mirrored = bucketViews();
      if (mirrored.length > 0) buckets().show(mirrored);
      processes();
      logLines.reset();
      for (const [level, count] of Object.entries(about.logLines)) logLines.inc({ level }, count);
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

type MakeGauge = <Label extends string>(name: string, help: string, labels: Label[]) => Gauge<Label>;
type MakeCounter = <Label extends string>(name: string, help: string, labels: Label[]) => Counter<Label>;

function folderGauges(gauge: MakeGauge): (views: readonly FolderView[]) => void {
  const perFolder = (name: string, help: string) => gauge(name, help, ['folder']);
  const info = gauge('sluice_folder_info', 'Always 1; the labels say how the folder is set up.', [
    'folder',
    'path',
    'prefix',
    'mode',
    'watch',
  ]);
  const state = gauge('sluice_folder_state', '1 for the state that the folder is in.', ['folder', 'state']);
  const numbers: [Gauge<'folder'>, (view: FolderView) => number | undefined][] = [
    [perFolder('sluice_queue_length', 'Files to look at, those in flight included.'), (view) => view.queued],
    [perFolder('sluice_put_off_files', 'Files that wait for their time.'), (view) => view.putOff],
    [perFolder('sluice_synced_files', 'Files that the index knows as synced.'), (view) => view.synced],
    [perFolder('sluice_waiting_files', 'Files that failed and are tried again.'), (view) => view.waiting],
    [perFolder('sluice_parked_files', 'Files that are not tried until they change.'), (view) => view.parked],
    [perFolder('sluice_held_deletes', 'Deletes that wait for approval.'), (view) => view.heldDeletes],
    [
      perFolder('sluice_last_scan_timestamp_seconds', 'When the last scan ended, in Unix time.'),
      ({ lastScan }) => (lastScan === undefined ? undefined : lastScan.endedMs / 1000),
    ],
    [perFolder('sluice_last_scan_files', 'Files that the last scan saw.'), ({ lastScan }) => lastScan?.files],
    [
      perFolder('sluice_last_scan_directories', 'Directories that the last scan saw.'),
      ({ lastScan }) => lastScan?.directories,
    ],
    [
      perFolder('sluice_last_scan_errors', 'What the last scan could not read.'),
      ({ lastScan }) => lastScan?.errors,
    ],
  ];
  return (views) => {
    info.reset();
    state.reset();
    for (const view of views) {
      const { name: folder, path, prefix, mode, watch } = view;
      info.set({ folder, path, prefix, mode, watch }, 1);
      for (const one of STATES) state.set({ folder, state: one }, one === view.state ? 1 : 0);
      for (const [metric, read] of numbers) {
        const value = read(view);
        if (value !== undefined) metric.set({ folder }, value);
      }
    }
  };
}

/**
 * The names that dashboards know: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics .
 * The library's own collector keeps a timer of 10 ms running, which an idle agent should not.
 */
function processMetrics(counter: MakeCounter, gauge: MakeGauge, startedMs: number): () => void {
  const cpu = counter('process_cpu_seconds_total', 'User and system CPU time spent.', []);
  const resident = gauge('process_resident_memory_bytes', 'Resident memory size.', []);
  const heap = gauge('nodejs_heap_size_used_bytes', 'Heap in use.', []);
  const open = gauge('process_open_fds', 'Open file descriptors.', []);
  const limit = gauge('process_max_fds', 'Most file descriptors that may be open.', []);
  gauge('process_start_time_seconds', 'When the process started, in Unix time.', []).set(startedMs / 1000);
  return () => {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    cpu.reset();
    cpu.inc((user + system) / 1e6);
    resident.set(rss);
    heap.set(heapUsed);
    open.set(readdirSync('/proc/self/fd').length);
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    if (soft !== undefined) limit.set(Number(soft));
  };
}
