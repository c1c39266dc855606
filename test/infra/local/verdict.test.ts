/** The first screen answers: is everything right, and if not, what is wrong and what to do. */
import { expect, it } from 'vitest';
import type { Snapshot } from '../../../infra/local/live/snapshot.ts';
import { verdictOf } from '../../../infra/local/live/verdict.ts';
import { folderOf, rightSnapshot } from './snapshot.ts';

const right = rightSnapshot();
const [mirror, offsite] = right.destinations;
if (mirror === undefined || offsite === undefined) throw new Error('there are two destinations');
const [queue] = right.queues;
if (queue === undefined) throw new Error('there is a queue');
const withFolder = (changes: object): Snapshot['agent'] => ({
  isRunning: true,
  status: {
    version: '',
    startedAt: '',
    health: 'ok',
    problems: [],
    folders: [{ ...folderOf('output'), ...changes }],
  },
});

it('says that everything is right only when every object is at every place', () => {
  expect(verdictOf(right)).toEqual({
    level: 'right',
    sentence: 'Everything is right.',
    detail: '3 objects, each verified at mirror and offsite and told to the file manager.',
    problems: [],
  });
  const empty = { objects: 0, bytes: 0, verified: {}, delivered: 0, lingering: 0 };
  expect(verdictOf(rightSnapshot({ ledger: empty, hub: { objects: 0, bytes: 0, isAll: true } })).detail).toBe(
    'Nothing has been dropped yet.',
  );
});

it.each<[why: string, changes: Partial<Snapshot>, detail: string]>([
  ['the agent has files to do', { agent: withFolder({ queued: 2 }) }, '2 in the folder'],
  ['the agent waits for a writer', { agent: withFolder({ putOff: 1 }) }, '1 in the folder'],
  ['the ledger is behind', { hub: { objects: 5, bytes: 1, isAll: true } }, '2 between hub and ledger'],
  ['a destination is behind', { destinations: [{ ...mirror, waiting: 2 }] }, '2 for mirror'],
  [
    'the file manager is behind',
    { fileManager: { ...right.fileManager, waiting: 7 } },
    '7 for the file manager',
  ],
  ['a delete is on its way', { ledger: { ...right.ledger, lingering: 1 } }, '1 to be deleted elsewhere too'],
])('is at work, not right, while %s', (_, changes, detail) => {
  const verdict = verdictOf(rightSnapshot(changes));
  expect(verdict).toMatchObject({ level: 'working', problems: [] });
  expect(verdict.detail).toBe(`Waiting: ${detail}.`);
});

it.each<[why: string, changes: Partial<Snapshot>, sentence: string, toDo: string]>([
  [
    'the cloud cannot be read',
    { faults: ['ECONNREFUSED'] },
    'The cloud cannot be read: ECONNREFUSED',
    'start it again',
  ],
  [
    'the agent is gone',
    { agent: { isRunning: false } },
    'The agent does not run.',
    'Start it with the button.',
  ],
  [
    'a folder is held',
    { agent: withFolder({ state: 'held', reason: 'too many deletes' }) },
    "The agent's folder output is held: too many deletes.",
    'Mend what it says',
  ],
  [
    'files are parked',
    { agent: withFolder({ parked: 2 }) },
    '2 files of output are parked',
    'The errors below',
  ],
  [
    'one message was given up',
    { queues: [{ ...queue, deadLetters: 1 }] },
    '1 message of mirror-offsite was given up.',
    'redrive mirror-offsite',
  ],
  [
    'a destination is down',
    { destinations: [mirror, { ...offsite, gate: 'down', waiting: 1 }] },
    'The destination offsite is down.',
    'Restore it with the button.',
  ],
  [
    'the file manager fails',
    { fileManager: { ...right.fileManager, isFailing: true } },
    'The file manager fails.',
    'Restore it with the button.',
  ],
  [
    'the breaker is still open',
    { fileManager: { ...right.fileManager, breaker: 'open' } },
    'The file manager was down. The breaker is open',
    'one call finds out',
  ],
  [
    'messages were given up',
    { queues: [{ ...queue, deadLetters: 3 }] },
    '3 messages of mirror-offsite were given up.',
    'redrive mirror-offsite',
  ],
])('says what is wrong and what to do when %s', (_, changes, sentence, toDo) => {
  const { level, problems, ...verdict } = verdictOf(rightSnapshot(changes));
  expect(level).toBe('wrong');
  expect(verdict.sentence).toContain(sentence);
  expect(problems).toHaveLength(1);
  expect(problems[0]?.toDo).toContain(toDo);
});

it('names the first of several problems, says that there are more, and lists all', () => {
  const verdict = verdictOf(
    rightSnapshot({ agent: { isRunning: false }, destinations: [{ ...offsite, gate: 'down' }] }),
  );
  expect(verdict.sentence).toBe('The agent does not run. And 1 more, below.');
  expect(verdict.problems.map(({ what }) => what)).toEqual([
    'The agent does not run.',
    'The destination offsite is down.',
  ]);
});
