/**
 * The status page: one file without anything from elsewhere, whole without scripts. Everything that comes from
 * outside (paths, reasons, log lines with file names) goes through `escaped`.
 */
import { createHash } from 'node:crypto';
import { ago, bytesText, countText } from '#core/amounts.ts';
import { escaped } from '#core/html.ts';
import { bucketNeedsSomebody, laneName } from './bucket-view.ts';
import { flagged } from './page-text.ts';
import { bucketSection } from './status-page-buckets.ts';
import { type FolderReport, needsSomebody, type StatusReport } from './status-report.ts';

const STYLE = `
:root { color-scheme: light dark; --line: #d0d7de; --bad: #b3261e; --good: #1a7f37; --dim: #57606a; }
@media (prefers-color-scheme: dark) { :root { --line: #3d444d; --bad: #ff8a80; --good: #56d364; --dim: #9198a1; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .35rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number { white-space: normal; }
.text { overflow-wrap: anywhere; min-width: 10rem; }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); } .dim { color: var(--dim); }
`;

/** Replaces only what has changed, so that a selection, the focus and a screen reader are left in peace. */
const SCRIPT = `
const live = (root) => [...root.querySelectorAll('[data-live]')];
const connection = document.getElementById('connection');
async function look() {
  try {
    const answer = await fetch('/', { cache: 'no-store' });
    const next = live(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    const now = live(document);
    if (!answer.ok || next.length !== now.length) throw new Error('it has no status now (' + answer.status + ')');
    now.forEach((part, index) => {
      if (part.outerHTML !== next[index].outerHTML) part.replaceWith(next[index]);
    });
    connection.textContent = '';
  } catch (error) {
    connection.textContent = 'This page is old. The agent does not answer: ' + error.message;
  }
}
setInterval(look, 2000);
`;

/** Nothing but this style and this script runs; a file name that got through as markup could still do nothing. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "connect-src 'self'",
  `style-src '${hashOf(STYLE)}'`,
  `script-src '${hashOf(SCRIPT)}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

interface Column {
  title: string;
  className: string;
  cell(folder: FolderReport, nowMs: number): string;
}

const number = (title: string, cell: Column['cell']): Column => ({ title, className: 'number', cell });

const COLUMNS: readonly Column[] = [
  { title: 'State', className: 'text', cell: stateCell },
  {
    title: 'Path and prefix',
    className: 'text',
    cell: ({ path, prefix }) => `${escaped(path)}<br><span class="dim">${escaped(prefix)}</span>`,
  },
  {
    title: 'Mode',
    className: '',
    cell: ({ mode, watch }) => escaped([mode, watch].filter(Boolean).join(', ')),
  },
  number('Queue', ({ queued }) => countText(queued)),
  number('Put off', ({ putOff }) => countText(putOff)),
  number('Waiting', ({ waiting }) => flagged(waiting)),
  number('Parked', ({ parked }) => flagged(parked)),
  number('Held deletes', ({ heldDeletes }) => flagged(heldDeletes)),
  number('Synced', ({ synced }) => countText(synced)),
  number('Failures', ({ done }) => flagged(done.failed)),
  number('Files/s', ({ filesPerSecond }) => filesPerSecond.toFixed(1)),
  number('Bytes/s', ({ bytesPerSecond }) => bytesText(bytesPerSecond)),
  number('Lag', ({ lagSeconds }) => (lagSeconds === undefined ? '' : `${lagSeconds.toFixed(2)} s`)),
  number('Last scan', ({ lastScan }, nowMs) =>
    lastScan === undefined
      ? 'not yet'
      : `${ago(Date.parse(lastScan.endedAt), nowMs)}<br><span class="dim">${countText(lastScan.files)} files${
          lastScan.errors === 0 ? '' : `, ${countText(lastScan.errors)} errors`
        }</span>`,
  ),
];

/** The whole document. Means and lag are of the last minute. */
export function statusPage(report: StatusReport): string {
  const nowMs = Date.parse(report.at);
  const failing = [
    ...report.folders.filter(needsSomebody).map(({ name }) => name),
    ...report.buckets.filter(bucketNeedsSomebody).map(({ name, destination }) => laneName(name, destination)),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice agent ${escaped(report.agent)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Sluice agent ${escaped(report.agent)}</h1>
<p data-live>${
    failing.length === 0
      ? `<span class="good">All ${workingText(report)} work.</span>`
      : `<span class="bad">Needs you: ${escaped(failing.join(', '))}.</span>`
  } Version ${escaped(report.version)}, started ${ago(Date.parse(report.startedAt), nowMs)}, ${escaped(report.at)}.</p>
<p id="connection" class="bad" role="status"></p>
<h2 id="folders">Folders</h2>
<div class="scroll" role="region" aria-labelledby="folders" tabindex="0">
<table aria-labelledby="folders">
<thead><tr><th scope="col">Folder</th>${COLUMNS.map(heading).join('')}</tr></thead>
<tbody>
${report.folders.map((folder) => row(folder, nowMs)).join('\n')}
</tbody>
</table>
</div>
${bucketSection(report.buckets, nowMs)}<h2 id="problems">Last warnings and errors</h2>
<div class="scroll" role="region" aria-labelledby="problems" tabindex="0">
<table aria-labelledby="problems">
<thead><tr><th scope="col">Time</th><th scope="col">Level</th><th scope="col">What</th></tr></thead>
<tbody data-live>
${report.problems.length === 0 ? '<tr><td colspan="3" class="dim">none</td></tr>' : report.problems.map(problem).join('\n')}
</tbody>
</table>
</div>
<p class="dim">Also: <a href="/status.json">status.json</a>, <a href="/metrics">metrics</a>, <a href="/healthz">healthz</a>.
What waits, and why: <code>sluice-agent status</code>.</p>
<script type="module">${SCRIPT}</script>
</body>
</html>
`;
}

function workingText({ folders, buckets }: StatusReport): string {
  if (buckets.length === 0) return 'folders';
  return folders.length === 0 ? 'buckets' : 'folders and buckets';
}

function heading({ title, className }: Column): string {
  return `<th scope="col" class="${className}">${title}</th>`;
}

function row(folder: FolderReport, nowMs: number): string {
  const cells = COLUMNS.map(
    ({ className, cell }) => `<td class="${className}" data-live>${cell(folder, nowMs)}</td>`,
  );
  return `<tr><th scope="row">${escaped(folder.name)}</th>${cells.join('')}</tr>`;
}

function stateCell(folder: FolderReport): string {
  const className = needsSomebody(folder) ? 'bad' : folder.state === 'working' ? 'good' : 'dim';
  const reason = folder.reason === '' ? '' : `: ${escaped(folder.reason)}`;
  return `<span class="${className}">${folder.state}${reason}</span>`;
}

function problem({ at, level, text }: StatusReport['problems'][number]): string {
  return `<tr><td>${escaped(at)}</td><td class="${level === 'ERROR' ? 'bad' : ''}">${level}</td><td class="text">${escaped(text)}</td></tr>`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
