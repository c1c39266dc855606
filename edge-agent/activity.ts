/** What each folder did: since the start, and as rates over the last minute, for people who look. */
import type { Done, Metrics } from './metrics.ts';

export interface FolderActivity {
  /** Since the start. */
  done: Record<Done, number>;
  bytes: number;
  /** Means of the last minute. */
  filesPerSecond: number;
  bytesPerSecond: number;
  /** The worst of the last minute; absent when nothing was confirmed in it. */
  lagSeconds?: number;
}

export interface Activity extends Metrics {
  of(folder: string): FolderActivity;
}

interface Second {
  second: number;
  files: number;
  bytes: number;
  lagSeconds: number;
}

const WINDOW_SECONDS = 60;
/** What moved or removed something; looking at an unchanged file is no progress. */
const MOVED: ReadonlySet<Done> = new Set(['uploaded', 'copied', 'deleted', 'downloaded', 'expired']);

export function createActivity(nowMs: () => number = Date.now): Activity {
  const startedMs = nowMs();
  const totals = new Map<string, { done: Record<Done, number>; bytes: number }>();
  const recent = new Map<string, Second[]>();

  function total(folder: string) {
    const known = totals.get(folder) ?? { done: nothingDone(), bytes: 0 };
    totals.set(folder, known);
    return known;
  }

  function window(folder: string): Second[] {
    const oldest = Math.floor(nowMs() / 1000) - WINDOW_SECONDS;
    const kept = (recent.get(folder) ?? []).filter(({ second }) => second > oldest);
    recent.set(folder, kept);
    return kept;
  }

  function now(folder: string): Second {
    const second = Math.floor(nowMs() / 1000);
    const last = recent.get(folder)?.at(-1);
    if (last?.second === second) return last;
    const fresh = { second, files: 0, bytes: 0, lagSeconds: -1 };
    window(folder).push(fresh);
    return fresh;
  }

  return {
    done(folder, what, sizeBytes = 0) {
      const known = total(folder);
      known.done[what]++;
      known.bytes += sizeBytes;
      if (!MOVED.has(what)) return;
      const current = now(folder);
      current.files++;
      current.bytes += sizeBytes;
    },
    lag(folder, seconds) {
      const current = now(folder);
      current.lagSeconds = Math.max(current.lagSeconds, seconds);
    },
    of(folder) {
      const { done, bytes } = total(folder);
      const seconds = window(folder);
      const lagSeconds = Math.max(-1, ...seconds.map((one) => one.lagSeconds));
      const overSeconds = Math.min(WINDOW_SECONDS, Math.max(1, (nowMs() - startedMs) / 1000));
      const sum = (what: 'files' | 'bytes') => seconds.reduce((all, one) => all + one[what], 0);
      return {
        done: { ...done },
        bytes,
        filesPerSecond: sum('files') / overSeconds,
        bytesPerSecond: sum('bytes') / overSeconds,
        ...(lagSeconds < 0 ? {} : { lagSeconds }),
      };
    },
  };
}

export function nothingDone(): Record<Done, number> {
  return {
    uploaded: 0,
    copied: 0,
    deleted: 0,
    removed: 0,
    downloaded: 0,
    expired: 0,
    unchanged: 0,
    failed: 0,
    skipped: 0,
  };
}
