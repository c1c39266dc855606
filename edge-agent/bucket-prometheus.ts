/** The metrics of mirrored buckets as Prometheus reads them; no label holds a key, so the number of series is bounded. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type BucketView, laneName } from './bucket-view.ts';
import type { Done } from './metrics.ts';

export interface BucketPrometheus {
  done(lane: string, what: Done, sizeBytes: number): void;
  lag(lane: string, seconds: number): void;
  show(views: readonly BucketView[]): void;
}

const LABELS = ['bucket', 'destination'] as const;
type Label = (typeof LABELS)[number];
const STATES: readonly BucketView['state'][] = [
  'starting',
  'comparing',
  'waiting',
  'paused',
  'unavailable',
  'held',
  'stopped',
];
const DONE: readonly Done[] = ['copied', 'deleted', 'unchanged'];
/** From a notification at once to the next comparison. */
const LAG_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200];

export function bucketPrometheus(registry: Registry): BucketPrometheus {
  const registers = [registry];
  const counter = <More extends string>(name: string, help: string, ...more: More[]) =>
    new Counter<Label | More>({ name, help, labelNames: [...LABELS, ...more], registers });
  const gauge = <More extends string>(name: string, help: string, ...more: More[]) =>
    new Gauge<Label | More>({ name, help, labelNames: [...LABELS, ...more], registers });

  const objects = counter('sluice_bucket_objects_total', 'Objects done, by what was done.', 'what');
  const bytes = counter('sluice_bucket_bytes_total', 'Bytes of the objects copied.');
  const errors = counter('sluice_bucket_errors_total', 'Attempts at objects that failed.');
  const lag = new Histogram({
    name: 'sluice_bucket_lag_seconds',
    help: 'From a change at the source to its confirmation at the destination.',
    labelNames: LABELS,
    buckets: LAG_BUCKETS,
    registers,
  });
  const comparisons = counter(
    'sluice_bucket_comparisons_total',
    'Full comparisons, by how they ended.',
    'result',
  );
  const state = gauge('sluice_bucket_state', '1 for the state that the bucket is in.', 'state');
  const told = gauge('sluice_bucket_notified', '1 while the source tells of its changes.');
  const numbers: [Gauge<Label>, (view: BucketView) => number | undefined][] = [
    [gauge('sluice_bucket_queue_length', 'Keys to look at, those in flight included.'), (one) => one.queued],
    [
      gauge('sluice_bucket_waiting_objects', 'Objects that failed and are tried again.'),
      (one) => one.waiting,
    ],
    [gauge('sluice_bucket_parked_objects', 'Objects that were given up for now.'), (one) => one.parked],
    [gauge('sluice_bucket_held_deletes', 'Deletes that wait for approval.'), (one) => one.heldDeletes],
    [
      gauge(
        'sluice_bucket_last_success_timestamp_seconds',
        'When both sides were last compared, in Unix time.',
      ),
      ({ lastSuccessMs }) => (lastSuccessMs === undefined ? undefined : lastSuccessMs / 1000),
    ],
    [
      gauge('sluice_bucket_last_duration_seconds', 'How long the last comparison took, copies included.'),
      ({ lastComparison: last }) => (last === undefined ? undefined : (last.endedMs - last.startedMs) / 1000),
    ],
    [
      gauge('sluice_bucket_source_objects', 'Objects that the last comparison saw at the source.'),
      ({ lastComparison }) => lastComparison?.objects,
    ],
    [
      gauge('sluice_bucket_source_bytes', 'Bytes that the last comparison saw at the source.'),
      ({ lastComparison }) => lastComparison?.bytes,
    ],
  ];
  const seen = new Set<string>();

  /** Series that begin at zero, so that the first event is an increase. */
  function begun(lane: string): Record<Label, string> {
    const [bucket = '', destination = ''] = lane.split('/');
    const labels = { bucket, destination };
    if (seen.has(lane)) return labels;
    seen.add(lane);
    for (const what of DONE) objects.inc({ ...labels, what }, 0);
    bytes.inc(labels, 0);
    errors.inc(labels, 0);
    lag.zero(labels);
    return labels;
  }

  return {
    done(lane, what, sizeBytes) {
      const labels = begun(lane);
      if (what === 'failed') return errors.inc(labels);
      objects.inc({ ...labels, what });
      bytes.inc(labels, sizeBytes);
    },
    lag: (lane, seconds) => lag.observe(begun(lane), seconds),
    show(views) {
      state.reset();
      comparisons.reset();
      for (const view of views) {
        const labels = begun(laneName(view.name, view.destination));
        for (const one of STATES) state.set({ ...labels, state: one }, one === view.state ? 1 : 0);
        told.set(labels, view.noticed === 'notifications' ? 1 : 0);
        comparisons.inc({ ...labels, result: 'success' }, view.succeeded);
        comparisons.inc({ ...labels, result: 'failure' }, view.failed);
        for (const [metric, read] of numbers) {
          const value = read(view);
          if (value !== undefined) metric.set(labels, value);
        }
      }
    },
  };
}
