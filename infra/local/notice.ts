/** What there is to tell of the cloud: one notice for each change of each subject. */
import { DELIVERY_ATTRIBUTE, LEDGER_KEY, MIRROR_PREFIX } from '#core/names.ts';

/** A row of the ledger's table, as DynamoDB gives it. */
export type Row = Readonly<Record<string, unknown>>;

export type Notice =
  /** `changedMs`: when the store says that it changed, so that the same bytes put again are news. */
  | {
      kind: 'ledger';
      key: string;
      state: 'present' | 'deleted';
      sizeBytes: number;
      etag: string;
      changedMs: number;
    }
  /** `etag` is the hub's whose bytes were confirmed there; empty: it was deleted there. */
  | { kind: 'mirror'; key: string; destination: string; etag: string }
  /** The file manager has confirmed it; empty: it has none. */
  | { kind: 'delivered'; key: string; etag: string }
  | { kind: 'report'; key: string };

/** What the ledger holds, counted. */
export interface LedgerTotals {
  objects: number;
  bytes: number;
  /** Of the objects: how many each destination, by its name, is confirmed to hold as they are. */
  verified: Readonly<Record<string, number>>;
  /** Of the objects: how many the file manager has confirmed. */
  delivered: number;
  /** What is deleted in the hub: at how many places it has not yet gone. */
  lingering: number;
}

export const NOTHING_COUNTED: LedgerTotals = {
  objects: 0,
  bytes: 0,
  verified: {},
  delivered: 0,
  lingering: 0,
};

/** What one row says, by subject, so that each is told once for each change. */
export function noticesOf(row: Row): [subject: string, notice: Notice][] {
  const key = String(row[LEDGER_KEY.sort]);
  const { state } = row;
  const said: [string, Notice][] = [];
  if (state === 'present' || state === 'deleted') {
    const { sizeBytes, etag, eventTimeMs } = row;
    const told = { sizeBytes: Number(sizeBytes), etag: String(etag), changedMs: Number(eventTimeMs) };
    said.push([key, { kind: 'ledger', key, state, ...told }]);
  }
  for (const [destination, etag] of mirrorsOf(row)) {
    said.push([`${destination} ${key}`, { kind: 'mirror', key, destination, etag }]);
  }
  const etag = deliveredEtag(row);
  // `?`: a call is under way.
  if (etag !== undefined && etag !== '?') {
    said.push([`${DELIVERY_ATTRIBUTE} ${key}`, { kind: 'delivered', key, etag }]);
  }
  return said;
}

/** Counts a row in. */
export function withRow(totals: LedgerTotals, row: Row): LedgerTotals {
  if (row.state === 'deleted') {
    const etags = [...[...mirrorsOf(row)].map(([, etag]) => etag), deliveredEtag(row) ?? ''];
    return { ...totals, lingering: totals.lingering + etags.filter((etag) => etag !== '').length };
  }
  if (row.state !== 'present') return totals;
  const verified = { ...totals.verified };
  for (const [destination, etag] of mirrorsOf(row)) {
    if (etag === row.etag) verified[destination] = (verified[destination] ?? 0) + 1;
  }
  return {
    ...totals,
    objects: totals.objects + 1,
    bytes: totals.bytes + Number(row.sizeBytes),
    verified,
    delivered: totals.delivered + (deliveredEtag(row) === row.etag ? 1 : 0),
  };
}

/** For a terminal; `undefined` for what another line tells already. */
export function noticeLine(notice: Notice, reports: string): string | undefined {
  switch (notice.kind) {
    case 'ledger':
      return notice.state === 'deleted'
        ? `ledger   ${notice.key}  deleted`
        : `ledger   ${notice.key}  ${notice.sizeBytes} bytes, ${notice.etag}`;
    case 'mirror':
      return `mirror   ${notice.key}  ${notice.destination}: ${notice.etag === '' ? 'deleted' : `verified, ${notice.etag}`}`;
    case 'report':
      return `report   s3://${reports}/${notice.key}`;
    // The file manager tells of its calls itself.
    case 'delivered':
      return undefined;
  }
}

function* mirrorsOf(row: Row): Generator<[destination: string, etag: string]> {
  for (const [name, value] of Object.entries(row)) {
    if (!name.startsWith(MIRROR_PREFIX)) continue;
    yield [name.slice(MIRROR_PREFIX.length), (value as { sourceEtag: string }).sourceEtag];
  }
}

function deliveredEtag(row: Row): string | undefined {
  return (row[DELIVERY_ATTRIBUTE] as { etag: string } | undefined)?.etag;
}
