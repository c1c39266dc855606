/**
 * A bar below the log for as long as there is an end to wait for, on a terminal only.
 *
 * Drawn here and not by a prompt library: those read the keyboard in raw mode, so that Ctrl-C ends the process instead
 * of letting it finish, and the terminal stops a job in the background (SIGTTOU) that asks for that.
 */
import { clearLine, cursorTo } from 'node:readline';
import type { WriteStream } from 'node:tty';
import { bytesText, countText } from '#core/amounts.ts';
import type { Activity } from './activity.ts';
import { type BucketView, laneName } from './bucket-view.ts';
import type { FolderView } from './folder.ts';

export interface Progress {
  /** What the log writes through, so that its lines and the bar do not run into each other. */
  write(text: string): void;
  /** Draws the bar until `stop`; does nothing where nobody would see it. */
  show(read: () => ProgressState): void;
  stop(): void;
}

export interface ProgressState {
  doneFiles: number;
  /** Absent until everything has been found. */
  totalFiles?: number;
  bytes: number;
  failed: number;
  filesPerSecond: number;
}

/** What is drawn on; a part of `tty.WriteStream`. */
export type ProgressStream = Pick<WriteStream, 'write'> & { isTTY?: boolean; columns?: number };

const DRAW_MS = 100;
const BAR_CELLS = 30;
/** A terminal that does not say its width. */
const DEFAULT_COLUMNS = 80;

export function createProgress(stream: ProgressStream): Progress {
  let bar: string | undefined;
  let timer: NodeJS.Timeout | undefined;

  function clear(): void {
    cursorTo(stream as WriteStream, 0);
    clearLine(stream as WriteStream, 0);
  }

  function draw(state: ProgressState): void {
    // A line as wide as the terminal would wrap, and could not be cleared any more. Some say that they have no width.
    bar = progressLine(state).slice(0, (stream.columns || DEFAULT_COLUMNS) - 1);
    clear();
    stream.write(bar);
  }

  return {
    write(text) {
      if (bar === undefined) {
        stream.write(text);
      } else {
        clear();
        stream.write(text);
        stream.write(bar);
      }
    },
    show(read) {
      if (stream.isTTY !== true) return;
      draw(read());
      clearInterval(timer);
      timer = setInterval(() => draw(read()), DRAW_MS).unref();
    },
    stop() {
      clearInterval(timer);
      if (bar !== undefined) clear();
      bar = undefined;
    },
  };
}

/** `[######----] 60%  6 of 10 files, 12 MiB, 3.4 files/s, 1 failed` */
export function progressLine({
  doneFiles,
  totalFiles,
  bytes,
  failed,
  filesPerSecond,
}: ProgressState): string {
  const share = totalFiles === undefined || totalFiles === 0 ? 0 : Math.min(1, doneFiles / totalFiles);
  const filled = Math.floor(share * BAR_CELLS);
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_CELLS - filled)}]`;
  const files =
    totalFiles === undefined
      ? `looking, ${countText(doneFiles)} files so far`
      : `${Math.floor(share * 100)}%  ${countText(doneFiles)} of ${countText(totalFiles)} files`;
  return [
    `${bar} ${files}`,
    bytesText(bytes),
    `${filesPerSecond.toFixed(1)} files/s`,
    ...(failed === 0 ? [] : [`${countText(failed)} failed`]),
  ].join(', ');
}

/**
 * Over all folders: what the scans have found less what is still in the queues. How much of a bucket differs is known
 * when its comparison has ended, so with buckets there is no total.
 */
export function progressOf(
  views: readonly FolderView[],
  activity: Pick<Activity, 'of'>,
  buckets: readonly BucketView[] = [],
): ProgressState {
  const names = [
    ...views.map(({ name }) => name),
    ...buckets.map(({ name, destination }) => laneName(name, destination)),
  ];
  const all = names.map((name) => activity.of(name));
  const sum = (read: (one: (typeof all)[number]) => number) =>
    all.reduce((total, one) => total + read(one), 0);
  const common = {
    bytes: sum(({ bytes }) => bytes),
    failed: sum(({ done }) => done.failed),
    filesPerSecond: sum(({ filesPerSecond }) => filesPerSecond),
  };
  if (buckets.length > 0 || views.some(({ lastScan }) => lastScan === undefined)) {
    const doneFiles = sum(
      ({ done }) => done.uploaded + done.downloaded + done.unchanged + done.copied + done.deleted,
    );
    return { ...common, doneFiles };
  }
  const totalFiles = views.reduce(
    (total, { lastScan, queued }) => total + Math.max(queued, lastScan?.files ?? 0),
    0,
  );
  const left = views.reduce((total, { queued }) => total + queued, 0);
  return { ...common, totalFiles, doneFiles: totalFiles - left };
}
