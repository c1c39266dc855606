/** The HTML report: one file that asks for nothing, runs nothing, and shows the numbers people ask for. */

import { bytesText, countText } from '#core/amounts.ts';
import type { ReconcileResult } from '#core/controls.ts';
import { type Cell, escaped, table } from '#core/html.ts';
import type { DestinationView, ReportResult } from '#core/report-result.ts';
import type { SeriesPoint } from '#core/report-series.ts';
import type { RetentionResult } from '#core/retention-state.ts';
import { agentFigures, destinationFigures, overallFigures, queueFigures } from './report-charts.ts';
import { STYLE } from './report-style.ts';
import { durationText, timeText } from './report-text.ts';

/** No script, no request: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** @param timezone IANA name of the times that are shown */
export function reportPage(result: ReportResult, points: readonly SeriesPoint[], timezone: string): string {
  const title = `Sluice ${result.stack}: state of ${timeText(Date.parse(result.time), timezone)}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title><style>${STYLE}</style></head>
<body><header><h1>${escaped(`Sluice ${result.stack}`)}</h1>
<p class="soft">State of ${escaped(timeText(Date.parse(result.time), timezone))}, run <code>${escaped(result.runId)}</code></p></header>
<main>
${tiles(result)}
${errorsOf(result)}
<h2>Over time</h2>
${overallFigures(points, timezone)}
<h2>Destinations</h2>
${destinationFigures(points, timezone)}
${wide('Destinations', destinationsTable(result, timezone))}
<h2>Agents</h2>
${agentFigures(points, timezone)}
${wide('Agents', agentsTable(result, timezone))}
<h2>Queues</h2>
${queueFigures(points, timezone)}
${wide('Queues', queuesTable(result))}
<h2>Runs</h2>
${wide('Runs', runsTable(result, timezone))}
<h2>Files</h2>
${wide('Files', filesTable(result))}
</main></body></html>
`;
}

function tiles({ state, changes, queues, destinations, agents, errors, drift }: ReportResult): string {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const dead = sum(queues.map(({ deadLetters }) => deadLetters));
  const held = sum(destinations.map((one) => one.held));
  const missing = agents.filter((agent) => agent.missing).length;
  const items: [string, string, boolean?][] = [
    ['objects', state === undefined ? 'not yet known' : countText(state.objects)],
    ['in all', state === undefined ? 'not yet known' : bytesText(state.bytes)],
    ['changes in this run', countText(sum(Object.values(changes)))],
    ['messages waiting', countText(sum(queues.map(({ waiting, inFlight }) => waiting + inFlight)))],
    ['dead letters', countText(dead), dead > 0],
    ['deletes held', countText(held), held > 0],
    ['agents missing', `${missing} of ${agents.length}`, missing > 0],
    ['errors in this run', countText(errors.length), errors.length > 0],
    ...(drift === undefined
      ? []
      : [['keys drifted', countText(drift.drifted), drift.drifted > 0] satisfies [string, string, boolean]]),
  ];
  const list = items.map(
    ([name, value, bad = false]) =>
      `<li>${escaped(name)}<b${bad ? ' class="bad"' : ''}>${escaped(value)}</b></li>`,
  );
  return `<ul class="tiles">${list.join('')}</ul>`;
}

function errorsOf({ errors }: ReportResult): string {
  if (errors.length === 0) return '';
  return `<h2>Errors</h2><ul class="errors">${errors.map((error) => `<li>${escaped(error)}</li>`).join('')}</ul>`;
}

function destinationsTable({ destinations, state }: ReportResult, timezone: string): string {
  const full =
    state === undefined ? 'no full state yet' : `counts of ${timeText(Date.parse(state.at), timezone)}`;
  return table(
    full,
    [
      'destination',
      '#current',
      '#behind',
      '#gone',
      '#untold',
      '#waiting',
      '#dead letters',
      '#held',
      'reconciled',
    ],
    destinations.map(({ name, copies, queue, held, reconcile }: DestinationView) => [
      name,
      copies === undefined ? '' : countText(copies.current),
      copies === undefined ? '' : bad(copies.behind),
      copies === undefined ? '' : bad(copies.gone),
      copies === undefined ? '' : countText(copies.untold),
      queue === undefined ? '' : countText(queue.waiting + queue.inFlight),
      queue === undefined ? '' : bad(queue.deadLetters),
      bad(held),
      reconcileText(reconcile, timezone),
    ]),
    'There are no destinations.',
  );
}

function agentsTable({ agents }: ReportResult, timezone: string): string {
  return table(
    'as their last heartbeats say',
    ['agent', 'heartbeat', 'version', '#folders', '#queued', '#errors', '#held deletes'],
    agents.map(({ name, at, ageMs, missing, version, folders, queued, errors, heldDeletes, fault }) => [
      name,
      at === undefined
        ? marked(fault === undefined ? 'never' : 'cannot be read', missing || fault !== undefined)
        : marked(`${durationText(ageMs ?? 0)} old, ${timeText(Date.parse(at), timezone)}`, missing),
      version,
      countText(folders),
      countText(queued),
      bad(errors),
      bad(heldDeletes),
    ]),
    'No agent has given a heartbeat.',
  );
}

function queuesTable({ queues }: ReportResult): string {
  return table(
    'approximate, as SQS tells',
    ['queue', '#waiting', '#in flight', '#not empty for', '#dead letters'],
    queues.map(({ name, waiting, inFlight, busyMs, deadLetters }) => [
      name,
      countText(waiting),
      countText(inFlight),
      durationText(busyMs),
      bad(deadLetters),
    ]),
    'No queue could be read.',
  );
}

function runsTable({ reconcile, retention, drift }: ReportResult, timezone: string): string {
  return table(
    'the last of each',
    ['run', 'ended', 'found'],
    [
      ['reconcile of the ledger', endedText(reconcile, timezone), reconcileText(reconcile, timezone)],
      ['retention', endedText(retention, timezone), retentionText(retention)],
      ...(drift === undefined
        ? []
        : [
            [
              'drift check',
              'in this run',
              marked(
                `${countText(drift.drifted)} of ${countText(drift.compared)} keys${drift.incomplete === undefined ? '' : `; incomplete: ${drift.incomplete}`}`,
                drift.drifted > 0 || drift.incomplete !== undefined,
              ),
            ],
          ]),
    ],
    '',
  );
}

function filesTable({ files }: ReportResult): string {
  const rows = [
    ...files.diffs.map((key) => ['changes', key]),
    ...(files.full === undefined ? [] : [['full state', files.full]]),
    ...(files.drift === undefined ? [] : [['drift', files.drift]]),
    ['this page', files.html],
  ];
  return table('in the reports bucket', ['what', 'key'], rows, '');
}

function reconcileText(run: ReconcileResult | undefined, timezone: string): Cell {
  if (run === undefined) return 'never';
  const { differences, held, error, dryRun } = run;
  const parts = [
    timeText(run.endedMs, timezone),
    `${countText(differences)} differences${dryRun ? ' (dry run)' : ''}`,
    ...(held > 0 ? [`${countText(held)} deletes held`] : []),
    ...(error === undefined ? [] : [error]),
  ];
  return marked(parts.join(', '), held > 0 || error !== undefined);
}

function retentionText(run: RetentionResult | undefined): Cell {
  if (run === undefined) return '';
  const parts = [
    `${countText(run.removed)} removed (${bytesText(run.removedBytes)})`,
    ...(run.wouldRemove > 0 ? [`${countText(run.wouldRemove)} would be removed`] : []),
    `${countText(run.kept)} kept`,
    ...(run.capped.length > 0 ? [`capped: ${run.capped.join(', ')}`] : []),
    ...(run.complete ? [] : ['goes on in the next run']),
    ...(run.error === undefined ? [] : [run.error]),
  ];
  return marked(parts.join(', '), run.error !== undefined);
}

function endedText(run: { endedMs: number } | undefined, timezone: string): string {
  return run === undefined ? 'never' : timeText(run.endedMs, timezone);
}

function bad(count: number): Cell {
  return marked(countText(count), count > 0);
}

function marked(text: string, isBad: boolean): Cell {
  return isBad ? { text, mark: 'bad' } : text;
}

/** What is wider than a small window scrolls by itself, by the keyboard as well. */
function wide(label: string, content: string): string {
  return `<div class="wide" role="region" aria-label="${label}" tabindex="0">${content}</div>`;
}
