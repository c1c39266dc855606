/**
 * `status`: for each folder what waits, what is parked and what is held, and why. From the index, so that it can
 * be asked when the agent does not run; what only the running agent knows is added when it answers.
 */
import type { HostIndex } from '#adapters/host/index-db.ts';
import { ago, bytesText, countText } from '#core/amounts.ts';
import type { FolderSettings } from '#core/settings/agent.ts';
import { oneLine } from './log.ts';
import { printableName } from './path-bytes.ts';
import type { FolderReport, StatusReport } from './status-report.ts';

export interface FolderStatus {
  folder: string;
  path: string;
  prefix: string;
  mode: FolderSettings['mode'];
  /** Rows of the index. */
  synced: number;
  waiting: number;
  parked: number;
  /** Deletes that wait for approval. */
  held: number;
  /** Every file that is not synced, the one due first first. */
  files: { path: string; state: string; attempts: number; nextAttempt: string; reason: string }[];
  /** What the running agent says of it. */
  live?: FolderReport;
}

/** Rows of the table per folder, unless all are asked for. */
const FIRST_ROWS = 20;

/** @param index absent when the agent has never run */
export function statusOf(
  folder: FolderSettings,
  index: HostIndex | undefined,
  live?: StatusReport,
): FolderStatus {
  const { name, path, prefix, mode } = folder;
  const { synced, waiting, parked, held } = index?.counts(name) ?? {
    synced: 0,
    waiting: 0,
    parked: 0,
    held: 0,
  };
  const files = (index?.unsettled(name) ?? []).map((row) => ({
    path: printableName(row.path),
    state: row.state,
    attempts: row.attempts,
    nextAttempt: row.nextAttemptMs === 0 ? '' : new Date(row.nextAttemptMs).toISOString(),
    reason: row.lastError,
  }));
  const running = live?.folders.find((one) => one.name === name);
  return {
    folder: name,
    path,
    prefix,
    mode,
    synced,
    waiting,
    parked,
    held,
    files,
    ...(running === undefined ? {} : { live: running }),
  };
}

/** @param options.all every file instead of the first of each folder */
export function statusTable(
  folders: readonly FolderStatus[],
  { all = false, nowMs = Date.now() }: { all?: boolean; nowMs?: number } = {},
): string {
  const lines = folders.flatMap((folder) => {
    const shown = all ? folder.files : folder.files.slice(0, FIRST_ROWS);
    const more = folder.files.length - shown.length;
    return [
      `${folder.folder}: ${folder.mode}, ${wayOf(folder)}`,
      `  ${folder.live === undefined ? 'the agent does not run' : liveLine(folder.live, nowMs)}`,
      `  ${countsOf(folder)}`,
      ...shown.map(
        ({ path, state, attempts, nextAttempt, reason }) =>
          `  ${state.padEnd(8)} ${path}${attempts === 0 ? '' : ` tried ${attempts}x, next ${nextAttempt}`}: ${reason}`,
      ),
      ...(more === 0 ? [] : [`  … and ${countText(more)} more (--all shows them)`]),
      ...(folder.held === 0
        ? []
        : [`  sluice-agent approve-deletes --folder ${folder.folder} carries out the deletes`]),
    ];
  });
  return lines.map((line) => `${oneLine(line)}\n`).join('');
}

function wayOf({ mode, path, prefix }: FolderStatus): string {
  const remote = prefix === '' ? 'the whole bucket' : prefix;
  return mode === 'receive' ? `${remote} -> ${path}` : `${path} -> ${remote}`;
}

/** Of `move` nothing stays, and only `mirror` deletes: a 0 there would say that nothing was done. */
function countsOf({ mode, synced, held, waiting, parked, live }: FolderStatus): string {
  return [
    mode === 'move' ? '' : `${countText(synced)} synced`,
    mode === 'move' && live !== undefined ? `${countText(live.done.uploaded)} uploaded since its start` : '',
    mode === 'mirror' || held > 0 ? `${countText(held)} deletes held` : '',
    `${countText(waiting)} waiting`,
    `${countText(parked)} parked`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function liveLine(live: FolderReport, nowMs: number): string {
  const { lastScan } = live;
  return [
    live.reason === '' ? live.state : `${live.state} (${live.reason})`,
    live.watch,
    `${countText(live.queued)} queued`,
    live.putOff === 0 ? '' : `${countText(live.putOff)} put off`,
    `${live.filesPerSecond.toFixed(1)} files/s`,
    `${bytesText(live.bytesPerSecond)}/s`,
    live.lagSeconds === undefined ? '' : `lag ${live.lagSeconds.toFixed(2)} s`,
    lastScan === undefined
      ? 'not scanned yet'
      : `scanned ${ago(Date.parse(lastScan.endedAt), nowMs)}: ${countText(lastScan.files)} files, ${countText(lastScan.errors)} errors`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}
