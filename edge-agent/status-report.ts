/** What the running agent says of itself: the same value as JSON, as a page and in the table of `sluice-agent status`. */
import type { Activity, FolderActivity } from './activity.ts';
import { type BucketView, bucketNeedsSomebody, laneName } from './bucket-view.ts';
import type { FolderView } from './folder.ts';
import type { CountedLog, Level } from './log.ts';

export interface StatusReport {
  agent: string;
  version: string;
  /** ISO 8601, as all times here. */
  startedAt: string;
  at: string;
  /** `failing` when a folder or bucket needs somebody; see `needsSomebody`. */
  health: 'ok' | 'failing';
  folders: FolderReport[];
  /** One for each destination of a bucket. */
  buckets: BucketReport[];
  logLines: Readonly<Record<Level, number>>;
  /** The last WARN and ERROR lines, the newest first. */
  problems: { at: string; level: Level; text: string }[];
}

export interface FolderReport extends Omit<FolderView, 'lastScan'>, FolderActivity {
  lastScan?: { endedAt: string; files: number; directories: number; errors: number };
}

export interface BucketReport extends Omit<BucketView, 'lastComparison' | 'lastSuccessMs'>, FolderActivity {
  lastComparison?: {
    endedAt: string;
    ms: number;
    objects: number;
    bytes: number;
    copies: number;
    deletes: number;
  };
}

export interface StatusSource {
  agent: string;
  version: string;
  startedMs: number;
  views(): readonly FolderView[];
  bucketViews?(): readonly BucketView[];
  metrics: Activity;
  log: Pick<CountedLog, 'lines' | 'problems'>;
}

export function statusReport(source: StatusSource, nowMs: number): StatusReport {
  const views = source.views();
  const buckets = source.bucketViews?.() ?? [];
  return {
    agent: source.agent,
    version: source.version,
    startedAt: iso(source.startedMs),
    at: iso(nowMs),
    health: views.some(needsSomebody) || buckets.some(bucketNeedsSomebody) ? 'failing' : 'ok',
    folders: views.map(({ lastScan, ...view }) => ({
      ...view,
      ...source.metrics.of(view.name),
      ...(lastScan === undefined ? {} : { lastScan: scanReport(lastScan) }),
    })),
    buckets: buckets.map(({ lastComparison, lastSuccessMs: _, ...view }) => ({
      ...view,
      ...source.metrics.of(laneName(view.name, view.destination)),
      ...(lastComparison === undefined ? {} : { lastComparison: comparisonReport(lastComparison) }),
    })),
    logLines: { ...source.log.lines },
    problems: source.log.problems().map(({ atMs, level, text }) => ({ at: iso(atMs), level, text })),
  };
}

/**
 * A folder that is not the one that was synced, deletes that wait for approval, a folder that has stopped: none of
 * them heals by waiting. Retries do, and so does a start.
 */
export function needsSomebody({ state }: Pick<FolderView, 'state'>): boolean {
  return state === 'unavailable' || state === 'held' || state === 'stopped';
}

function scanReport({ endedMs, ...scan }: NonNullable<FolderView['lastScan']>) {
  return { endedAt: iso(endedMs), ...scan };
}

function comparisonReport(one: NonNullable<BucketView['lastComparison']>) {
  const { startedMs, endedMs, objects, bytes, copies, deletes } = one;
  return { endedAt: iso(endedMs), ms: endedMs - startedMs, objects, bytes, copies, deletes };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
