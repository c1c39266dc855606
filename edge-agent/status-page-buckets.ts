/** The mirrored buckets on the status page. */
import { ago, bytesText, countText } from '#core/amounts.ts';
import { escaped } from '#core/html.ts';
import { bucketNeedsSomebody, laneName } from './bucket-view.ts';
import { flagged } from './page-text.ts';
import type { BucketReport } from './status-report.ts';

interface Column {
  title: string;
  className: string;
  cell(bucket: BucketReport, nowMs: number): string;
}

const number = (title: string, cell: Column['cell']): Column => ({ title, className: 'number', cell });

const COLUMNS: readonly Column[] = [
  { title: 'State', className: 'text', cell: stateCell },
  {
    title: 'Source and destination',
    className: 'text',
    cell: ({ source, target }) => `${escaped(source)}<br><span class="dim">${escaped(target)}</span>`,
  },
  { title: 'Changes by', className: '', cell: ({ noticed }) => noticed },
  number('Queue', ({ queued }) => countText(queued)),
  number('Waiting', ({ waiting }) => flagged(waiting)),
  number('Parked', ({ parked }) => flagged(parked)),
  number('Held deletes', ({ heldDeletes }) => flagged(heldDeletes)),
  number('Copied', ({ done }) => countText(done.copied)),
  number('Deleted', ({ done }) => countText(done.deleted)),
  number('Failures', ({ done }) => flagged(done.failed)),
  number('Bytes/s', ({ bytesPerSecond }) => bytesText(bytesPerSecond)),
  number('Lag', ({ lagSeconds }) => (lagSeconds === undefined ? '' : `${lagSeconds.toFixed(2)} s`)),
  number('Last comparison', ({ lastComparison: last }, nowMs) =>
    last === undefined
      ? 'not yet'
      : `${ago(Date.parse(last.endedAt), nowMs)}<br><span class="dim">${countText(last.objects)} objects, ${bytesText(last.bytes)}</span>`,
  ),
];

/** A heading and a table; nothing where there are no buckets. */
export function bucketSection(buckets: readonly BucketReport[], nowMs: number): string {
  if (buckets.length === 0) return '';
  const headings = COLUMNS.map(
    ({ title, className }) => `<th scope="col" class="${className}">${title}</th>`,
  );
  return `<h2 id="buckets">Buckets</h2>
<div class="scroll" role="region" aria-labelledby="buckets" tabindex="0">
<table aria-labelledby="buckets">
<thead><tr><th scope="col">Bucket</th>${headings.join('')}</tr></thead>
<tbody>
${buckets.map((bucket) => row(bucket, nowMs)).join('\n')}
</tbody>
</table>
</div>
`;
}

function row(bucket: BucketReport, nowMs: number): string {
  const cells = COLUMNS.map(
    ({ className, cell }) => `<td class="${className}" data-live>${cell(bucket, nowMs)}</td>`,
  );
  return `<tr><th scope="row">${escaped(laneName(bucket.name, bucket.destination))}</th>${cells.join('')}</tr>`;
}

function stateCell(bucket: BucketReport): string {
  const works = bucket.state === 'waiting' || bucket.state === 'comparing';
  const className = bucketNeedsSomebody(bucket) ? 'bad' : works ? 'good' : 'dim';
  const reason = bucket.reason === '' ? '' : `: ${escaped(bucket.reason)}`;
  return `<span class="${className}">${bucket.state}${reason}</span>`;
}
