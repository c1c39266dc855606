/** The last files and how far each has come. */
import { bytesText, spanText } from '#core/amounts.ts';
import { type Cell, table } from '#core/html.ts';
import type { Snapshot } from './snapshot.ts';
import { clockText } from './text.ts';
import type { Stage, Way } from './ways.ts';

const SHOWN = 20;
const VERBS = { upload: 'uploaded', put: 'put in the hub', delete: 'deleted' } as const;

export function waySection({ ways, destinations }: Snapshot): string {
  const shown = ways.slice(0, SHOWN);
  const stages = shown[0]?.stages.map(({ name }) => name) ?? [];
  const down = new Set(destinations.filter(({ gate }) => gate === 'down').map(({ name }) => name));
  return table(
    'The newest first. Each time is counted from the beginning of the way.',
    ['file', 'begun', 'what', '#size', ...stages, 'everywhere after'],
    shown.map((way) => [
      way.key,
      clockText(way.startedMs),
      way.remark === '' ? VERBS[way.what] : `${VERBS[way.what]}, ${way.remark}`,
      way.what === 'delete' ? '' : bytesText(way.sizeBytes),
      ...way.stages.map((stage) => stageCell(stage, way, down)),
      way.doneMs === undefined
        ? { text: 'on its way', mark: 'soft' }
        : { text: spanText(way.doneMs - way.startedMs), mark: 'good' },
    ]),
    'No file yet. Drop one with the button above, or put one in the folder.',
  );
}

/** One sentence for those who listen; it changes only when a file has arrived or failed. */
export function newsText({ ways }: Snapshot): string {
  const arrived = ways
    .filter(({ doneMs }) => doneMs !== undefined)
    .toSorted((left, right) => (right.doneMs ?? 0) - (left.doneMs ?? 0))[0];
  if (arrived === undefined) return '';
  const tookMs = (arrived.doneMs ?? 0) - arrived.startedMs;
  return `${arrived.key} was ${VERBS[arrived.what]}, and ${spanText(tookMs)} later it was so everywhere.`;
}

function stageCell({ name, state, atMs, reason }: Stage, way: Way, down: ReadonlySet<string>): Cell {
  if (state === 'done' && atMs !== undefined) {
    const afterMs = atMs - way.startedMs;
    return { text: afterMs < 0 ? 'had it' : `${spanText(afterMs)}`, mark: 'good' };
  }
  if (state === 'failed') return { text: `${reason}, later again`, mark: 'bad' };
  return down.has(name) ? { text: 'down', mark: 'bad' } : { text: 'waits', mark: 'soft' };
}
