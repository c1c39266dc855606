/** The status as tables. */

import { bytesText, countText, spanText } from '#core/amounts.ts';
import { timeText } from '#core/time-text.ts';
import type { Agent } from './agents.ts';
import type { Run, Status } from './status-reading.ts';
import { printable, table } from './table.ts';
import type { Terminal } from './terminal.ts';

type Paint = Pick<Terminal, 'paint'>;

export function statusText(status: Status, terminal: Paint): string {
  const { stack, state, nowMs, timezone, tracked, held, agents, destinations, hubFault } = status;
  const title = (text: string) => terminal.paint('bold', text);
  const sections = [
    [
      `${title(stack)}  ${state}  ${timeText(nowMs, timezone)} ${timezone}`,
      ...(tracked === undefined
        ? []
        : [
            `${countText(tracked.objects)} objects, ${bytesText(tracked.bytes)} in the hub as of ${timeText(tracked.atMs, timezone)}`,
          ]),
    ],
    ...(hubFault === undefined
      ? []
      : [[terminal.paint('red', 'The hub cannot be read'), `  ${printable(hubFault)}`]]),
    [title('Queues'), table([QUEUES, ...status.consumers.map((one) => queueRow(one, terminal))])],
    ...(destinations.length === 0
      ? []
      : [[title('Destinations'), table(destinations.map((one) => destinationRow(one, terminal)))]]),
    [title('Last runs'), table(status.runs.map((run) => runRow(run, status, terminal)))],
    ...(held.length === 0
      ? []
      : [
          [
            terminal.paint('red', 'Held deletes'),
            table(
              held.map(({ destination, count, sinceMs, reason }) => [
                `  ${destination}`,
                countText(count),
                `since ${timeText(sinceMs, timezone)}`,
                printable(reason),
                `ops approve ${destination}`,
              ]),
            ),
          ],
        ]),
    ...(agents.length === 0
      ? []
      : [[title('Agents'), table([AGENTS, ...agents.map((one) => agentRow(one, nowMs, terminal))])]]),
  ];
  return sections.map((lines) => lines.join('\n')).join('\n\n');
}

const QUEUES = ['  consumer', 'waiting', 'in work', 'oldest', 'gave up', ''];
const AGENTS = ['  agent', 'heartbeat', 'queued', 'held deletes', ''];

function queueRow(
  { name, paused, waiting, inFlight, oldestAtMostMs, deadLetters }: Status['consumers'][number],
  terminal: Paint,
): string[] {
  return [
    `  ${name}`,
    countText(waiting),
    countText(inFlight),
    oldestAtMostMs === undefined ? '' : `at most ${spanText(oldestAtMostMs)}`,
    deadLetters === 0 ? '0' : terminal.paint('red', countText(deadLetters)),
    paused ? terminal.paint('yellow', `paused: ops resume ${name}`) : '',
  ];
}

function destinationRow(
  { name, bucket, endpoint, enabled, copies }: Status['destinations'][number],
  terminal: Paint,
): string[] {
  return [
    `  ${name}`,
    bucket,
    endpoint ?? 'AWS',
    copies === undefined ? '' : `${countText(copies.current)} current, ${countText(copies.pending)} pending`,
    enabled ? '' : terminal.paint('yellow', 'enabled: false in sluice.yaml'),
  ];
}

function runRow(
  { name, endedMs, durationMs, error, runningSinceMs, result }: Run,
  { nowMs, timezone }: Status,
  terminal: Paint,
): string[] {
  const went = durationMs === undefined ? '' : `, took ${spanText(durationMs)}`;
  const ended = endedMs === undefined ? 'not yet' : `${timeText(endedMs, timezone)}${went}`;
  const running =
    runningSinceMs === undefined
      ? ''
      : terminal.paint('cyan', `runs for ${spanText(Math.max(0, nowMs - runningSinceMs))}`);
  return [
    `  ${name}`,
    ended,
    error === undefined ? numbersOf(result) : terminal.paint('red', `failed: ${printable(error)}`),
    running,
  ];
}

/** What a run counted, without the zeros. */
function numbersOf(result: Run['result']): string {
  return Object.entries(result)
    .flatMap(([name, value]) =>
      typeof value === 'number' && value > 0 ? [`${countText(value)} ${name}`] : [],
    )
    .join(', ');
}

function agentRow(
  { name, beatMs, overdue, queued, heldDeletes, troubled }: Agent,
  nowMs: number,
  terminal: Paint,
): string[] {
  const age = `${spanText(Math.max(0, nowMs - beatMs))} ago`;
  return [
    `  ${printable(name)}`,
    overdue ? terminal.paint('red', `${age}, overdue`) : age,
    countText(queued),
    countText(heldDeletes),
    troubled.length === 0 ? '' : terminal.paint('red', printable(troubled.join(', '))),
  ];
}
