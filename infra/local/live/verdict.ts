/** The first thing that a person wants to know: is everything right, and if not, what is wrong and what to do. */
import { countText } from '#core/amounts.ts';
import type { Snapshot } from './snapshot.ts';
import { countOf } from './text.ts';

export interface Verdict {
  level: 'right' | 'working' | 'wrong';
  /** Changes only when there is news: it is read out. */
  sentence: string;
  /** Numbers that change all the time. */
  detail: string;
  problems: { what: string; toDo: string }[];
}

const OPS = 'npm run ops --';

export function verdictOf(snapshot: Snapshot): Verdict {
  const problems = [
    ...cloudProblems(snapshot),
    ...agentProblems(snapshot),
    ...destinationProblems(snapshot),
    ...fileManagerProblems(snapshot),
    ...queueProblems(snapshot),
  ];
  const waits = waitingText(snapshot);
  const detail = waits === '' ? restText(snapshot) : waits;
  const [first] = problems;
  if (first !== undefined) {
    const more = problems.length - 1;
    const sentence = more === 0 ? first.what : `${first.what} And ${more} more, below.`;
    return { level: 'wrong', sentence, detail, problems };
  }
  if (waits !== '')
    return { level: 'working', sentence: 'All parts work; files are on their way.', detail, problems };
  return { level: 'right', sentence: 'Everything is right.', detail, problems };
}

type Problems = Verdict['problems'];

function cloudProblems({ faults }: Snapshot): Problems {
  return faults.map((fault) => ({
    what: `The cloud cannot be read: ${fault}`,
    toDo: 'What is shown of it is old. If it stays so, end npm start and start it again; the emulator may have ended.',
  }));
}

function agentProblems({ agent: { isRunning, status } }: Snapshot): Problems {
  if (!isRunning) {
    return [
      {
        what: 'The agent does not run.',
        toDo: 'Start it with the button. Files that are dropped meanwhile stay in the folder and go when it runs again.',
      },
    ];
  }
  const folders = status?.folders ?? [];
  return [
    ...folders
      .filter(({ state }) => state === 'unavailable' || state === 'held' || state === 'stopped')
      .map(({ name, state, reason }) => ({
        what: `The agent's folder ${name} is ${state}${reason === '' ? '' : `: ${reason}`}.`,
        toDo: 'Mend what it says; the agent looks again by itself.',
      })),
    ...folders
      .filter(({ parked }) => parked > 0)
      .map(({ name, parked }) => ({
        what: `${countOf(parked, 'file')} of ${name} ${parked === 1 ? 'is' : 'are'} parked: the agent cannot move them as they are.`,
        toDo: 'The errors below say why; rename or mend them.',
      })),
  ];
}

function destinationProblems({ destinations }: Snapshot): Problems {
  return destinations
    .filter(({ gate }) => gate === 'down')
    .map(({ name }) => ({
      what: `The destination ${name} is down.`,
      toDo: 'Restore it with the button. What waits in its queue is tried again by itself, and nothing else is held up.',
    }));
}

function fileManagerProblems({ fileManager: { isFailing, breaker } }: Snapshot): Problems {
  if (!isFailing && breaker === 'closed') return [];
  const left = breaker === 'open' ? ' The breaker is open: it is left alone for a while.' : '';
  return [
    {
      what: isFailing ? `The file manager fails.${left}` : `The file manager was down.${left}`,
      toDo: isFailing
        ? 'Restore it with the button. Its calls wait in their queue and are made again.'
        : 'Nothing: one call finds out that it is back, and then the rest follow.',
    },
  ];
}

function queueProblems({ queues }: Snapshot): Problems {
  return queues
    .filter(({ deadLetters }) => deadLetters > 0)
    .map(({ name, deadLetters }) => ({
      what: `${countOf(deadLetters, 'message')} of ${name} ${deadLetters === 1 ? 'was' : 'were'} given up.`,
      toDo: `See why with ${OPS} logs, mend it, then ${OPS} redrive ${name}.`,
    }));
}

/** Empty when nothing is on its way. */
function waitingText({ hub, ledger, destinations, fileManager, agent }: Snapshot): string {
  const queued = agent.status?.folders.reduce((sum, { queued, putOff }) => sum + queued + putOff, 0) ?? 0;
  const differing = hub === undefined || !hub.isAll ? 0 : Math.abs(hub.objects - ledger.objects);
  const waiting: [count: number, where: string][] = [
    [queued, 'in the folder'],
    [differing, 'between hub and ledger'],
    ...destinations.map(({ name, waiting }): [number, string] => [waiting, `for ${name}`]),
    [fileManager.waiting, 'for the file manager'],
    [ledger.lingering, 'to be deleted elsewhere too'],
  ];
  const parts = waiting
    .filter(([count]) => count > 0)
    .map(([count, where]) => `${countText(count)} ${where}`);
  return parts.length === 0 ? '' : `Waiting: ${parts.join(', ')}.`;
}

function restText({ ledger, destinations }: Snapshot): string {
  if (ledger.objects === 0) return 'Nothing has been dropped yet.';
  const places = destinations.map(({ name }) => name).join(' and ');
  return `${countOf(ledger.objects, 'object')}, each verified at ${places} and told to the file manager.`;
}
