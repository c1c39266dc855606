import { expect, it } from 'vitest';
import { createActivity } from '../../edge-agent/activity.ts';
import { createProgress, progressLine, progressOf } from '../../edge-agent/progress.ts';
import { folderView } from './folder-view.ts';

const HALF = { doneFiles: 6, totalFiles: 12, bytes: 2048, failed: 0, filesPerSecond: 3.25 };

function screen(isTTY: boolean, columns = 120) {
  const written: string[] = [];
  return {
    written,
    stream: { isTTY, columns, write: (text: string | Uint8Array) => written.push(String(text)) > 0 },
  };
}

/** What a terminal shows of it: lines that were not cleared, and the one under the cursor. */
function shownOn(written: readonly string[]): string[] {
  const lines = [''];
  for (const part of written
    .join('')
    .replaceAll('\u001b', 'ESC')
    .split(/(\n|ESC\[1G|ESC\[2K)/)) {
    if (part === '\n') lines.push('');
    else if (part === 'ESC[2K') lines[lines.length - 1] = '';
    else if (part !== 'ESC[1G') lines[lines.length - 1] += part;
  }
  return lines;
}

it('says how far it is', () => {
  expect(progressLine(HALF)).toBe(
    `[${'#'.repeat(15)}${'-'.repeat(15)}] 50%  6 of 12 files, 2.0 KiB, 3.3 files/s`,
  );
  expect(progressLine({ ...HALF, failed: 1200 })).toMatch(/, 1,200 failed$/);
});

it('does not pretend to know an end before everything was found', () => {
  const { totalFiles: _, ...unknown } = HALF;
  expect(progressLine(unknown)).toBe(`[${'-'.repeat(30)}] looking, 6 files so far, 2.0 KiB, 3.3 files/s`);
});

it('keeps log lines whole above the bar, and leaves nothing behind', () => {
  const { written, stream } = screen(true);
  const progress = createProgress(stream);
  progress.write('before\n');
  progress.show(() => HALF);
  progress.write('uploaded a\n');
  progress.write('uploaded b\n');
  expect(shownOn(written)).toEqual(['before', 'uploaded a', 'uploaded b', progressLine(HALF)]);
  progress.stop();
  progress.write('after\n');
  expect(shownOn(written)).toEqual(['before', 'uploaded a', 'uploaded b', 'after', '']);
});

it.each([
  ['a narrow terminal', 40, 39],
  ['one that does not know its width', 0, progressLine(HALF).length],
])('never fills the line of %s, because a wrapped bar cannot be cleared', (_, columns, length) => {
  const { written, stream } = screen(true, columns);
  const progress = createProgress(stream);
  progress.show(() => HALF);
  expect(shownOn(written).at(-1)).toHaveLength(length);
  progress.stop();
});

it('moves on while nothing is logged', async () => {
  const { written, stream } = screen(true);
  const progress = createProgress(stream);
  let doneFiles = 0;
  progress.show(() => ({ ...HALF, doneFiles: doneFiles++ }));
  await expect.poll(() => shownOn(written).at(-1)).toContain('2 of 12 files');
  progress.stop();
});

it('writes the log lines alone where there is no terminal', () => {
  const { written, stream } = screen(false);
  const progress = createProgress(stream);
  progress.show(() => HALF);
  progress.write('uploaded a\n');
  progress.stop();
  expect(written).toEqual(['uploaded a\n']);
});

it('takes the end from the scans and what is left from the queues', () => {
  const activity = createActivity();
  activity.done('a', 'uploaded', 100);
  activity.done('a', 'failed');
  const scanned = { endedMs: 1, files: 10, directories: 1, errors: 0 };
  const before = progressOf([folderView({ name: 'a', queued: 3 })], activity);
  expect(before).toMatchObject({ doneFiles: 1, bytes: 100, failed: 1 });
  expect(before.totalFiles).toBeUndefined();
  const views = [
    folderView({ name: 'a', queued: 3, lastScan: scanned }),
    folderView({ name: 'b', queued: 20, lastScan: scanned }),
  ];
  expect(progressOf(views, activity)).toMatchObject({ doneFiles: 7, totalFiles: 30 });
});
