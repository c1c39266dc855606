/** Keeps what the plots are made of: `runs/series.json`, one object that never grows beyond a month. */
import { objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { ReportResult } from '#core/report-result.ts';
import { type SeriesPoint, withPoint } from '#core/report-series.ts';
import * as z from '#core/schema.ts';
import type { Log } from './log.ts';

const KEY = objectKey(`${REPORT_PREFIX.runs}series.json`);
const numbers = z.record(z.string(), z.number());
const series = z.object({
  version: z.literal(1),
  points: z.array(z.object({ atMs: z.number(), sums: numbers, peaks: numbers, levels: numbers })),
});

/** Reads the series, adds this run, and writes it back; answers its points, oldest first. */
export async function extendSeries(
  { reports, log }: { reports: Pick<ObjectStore, 'head' | 'get' | 'put'>; log: Log },
  result: ReportResult,
): Promise<SeriesPoint[]> {
  const points = withPoint(await readSeries(reports, log), pointOf(result));
  const body = Buffer.from(JSON.stringify({ version: 1, points }));
  await reports.put(KEY, body, { metadata: {}, contentType: 'application/json' });
  return points;
}

/** A series that cannot be read is begun anew: the runs themselves are kept in objects of their own. */
async function readSeries(reports: Pick<ObjectStore, 'head' | 'get'>, log: Log): Promise<SeriesPoint[]> {
  const head = await reports.head(KEY);
  if (head === undefined) return [];
  const { body } = await reports.get(KEY, { ifMatch: head.etag });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  try {
    return series.parse(JSON.parse(Buffer.concat(chunks).toString())).points;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    log.error('the series of the plots is begun anew: it could not be read', { key: KEY, error });
    return [];
  }
}

/** Names of the numbers are a kind, a space and the name of what they are of. */
export function pointOf(result: ReportResult): SeriesPoint {
  const { queues, destinations, agents, state, changes, errors } = result;
  const atMs = Date.parse(result.time);
  const named = <Item extends { name: string }>(
    kind: string,
    items: readonly Item[],
    value: (item: Item) => number | undefined,
  ) =>
    items.flatMap((item): [string, number][] => {
      const number = value(item);
      return number === undefined ? [] : [[`${kind} ${item.name}`, number]];
    });
  return {
    atMs,
    sums: { ...changes, errors: errors.length },
    levels: state === undefined ? {} : { objects: state.objects, bytes: state.bytes },
    peaks: Object.fromEntries([
      ...named('waiting', queues, ({ waiting, inFlight }) => waiting + inFlight),
      ...named('busy', queues, ({ busyMs }) => busyMs),
      ...named('dead', queues, ({ deadLetters }) => deadLetters),
      ...named('behind', destinations, ({ copies }) =>
        copies === undefined ? undefined : copies.behind + copies.gone + copies.untold,
      ),
      ...named('held', destinations, ({ held }) => held),
      ...named('lag', destinations, ({ queue }) => queue?.busyMs),
      ...named('age', agents, ({ ageMs }) => ageMs),
      ...named('queued', agents, ({ queued }) => queued),
      ...named('errors', agents, (agent) => agent.errors),
    ]),
  };
}
