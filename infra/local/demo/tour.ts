/** The tour: files, a destination and a file manager that fail, an agent that is killed, and how all of it heals. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { bytesText, countText } from '#core/amounts.ts';
import type { Clients } from '../../ops/clients.ts';
import { consumersOf } from '../../ops/consumers.ts';
import { readQueues } from '../live/cloud-reading.ts';
import { reconcileDestinations } from '../reconcile-now.ts';
import type { LocalSystem } from '../system.ts';
import { compareAll, findingsText } from './comparison.ts';
import { createSampleFiles, NAMES } from './sample-files.ts';
import { partsHeld } from './unfinished-upload.ts';
import { waitFor } from './waiting.ts';

const MIB = 1024 ** 2;
/** So slow and in such small parts, that there is a middle of an upload to be seen. */
export const TOUR_LIMITS = { partBytes: 5 * MIB, partsAtOnce: 1, bandwidth: 8 * MIB };
const LARGE_BYTES = 32 * MIB;
const SMALL_BYTES = 20_000;
const BIG_NAME = 'large.bin';
/** With the waits between tries, and a machine that has other things to do. */
const LIMIT_MS = 300_000;
/** Fewer failures than open the breaker of the file manager: an open one is tried again minutes later. */
const DURING_OUTAGE = 3;
/** Then an operator would not wait for the next try of a message any more. */
const PATIENCE_MS = 60_000;
const INBOX_NAME = 'for-the-host.txt';
const INBOX_TEXT = 'from the hub to the host\n';

export interface TourOptions {
  system: LocalSystem;
  clients: Clients;
  /** Prints a line of the tour's own. */
  say: (line: string) => void;
  /** Resolves when the person wants to go on. */
  goOn: () => Promise<void>;
  signal: AbortSignal;
}

/** @returns what was not as it should be; empty: everything was everywhere in the end, and at no time half there */
export async function runTour({ system, clients, say, goOn, signal }: TourOptions): Promise<string[]> {
  const wrong: string[] = [];
  /** Says what was found, and remembers it when it is not what must be. */
  function found(isRight: boolean, text: string): void {
    say(`=> ${text}${isRight ? '' : '   NOT AS IT SHOULD BE'}`);
    if (!isRight) wrong.push(text);
  }
  const { folder, hub, gate, fileManager, agent, watch, settings } = system;
  const outputDir = join(folder, 'output');
  const files = createSampleFiles(outputDir);
  const destinationNames = settings.destinations.map(({ name }) => name);
  const consumers = consumersOf(system.outputs, destinationNames);
  const queues = () => readQueues(clients, consumers);
  const waiting = { limitMs: LIMIT_MS, signal };

  function places(): [string, number][] {
    const { objects, verified, delivered } = watch.totals();
    return [
      ['ledger', objects],
      ...destinationNames.map((name): [string, number] => [name, verified[name] ?? 0]),
      ['file manager', delivered],
    ];
  }
  const progress = () =>
    places()
      .map(([name, count]) => `${name} ${countText(count)}`)
      .join(', ');
  /** Messages that were left in the queues when every place had all. */
  let left = 0;
  /** Each place has as many as were dropped, what was deleted is gone, and no queue has anything left to say. */
  async function everywhere(): Promise<string | undefined> {
    left = 0;
    if (watch.totals().lingering > 0 || places().some(([, count]) => count !== files.written.size)) {
      return undefined;
    }
    const depths = await queues();
    left = depths.reduce((sum, { waiting, inFlight, delayed }) => sum + waiting + inFlight + delayed, 0);
    return left > 0 ? undefined : progress();
  }
  const untilEverywhere = (limitMs = LIMIT_MS) =>
    waitFor(everywhere, {
      ...{ limitMs, signal },
      onWait(seconds) {
        const rest = left === 0 ? '' : `; in the queues ${countText(left)}, each waits for its next try`;
        say(`${seconds} s: of ${files.written.size} files ${progress()}${rest}`);
      },
    });

  /** What has failed often waits long for its next try; an operator finds the differences now. */
  async function hurried(): Promise<string | undefined> {
    say('The next try is some way off. As an operator would: npm run ops -- reconcile (all destinations)');
    await reconcileDestinations(clients, consumers);
    return untilEverywhere();
  }

  async function step(number: number, title: string, why: readonly string[]): Promise<void> {
    say('');
    say(`${number}. ${title}`);
    for (const line of why) say(`   ${line}`);
    await goOn();
  }

  await step(1, 'Files come and go', [
    'Files are dropped in the folder, with names that careless tools stumble over.',
    'Each goes to the hub, from there to both destinations and the file manager, and leaves the folder once it is safe.',
  ]);
  for (const name of NAMES) await files.drop(name, SMALL_BYTES);
  const inbox = { Bucket: hub, Key: `input/${INBOX_NAME}`, Body: INBOX_TEXT };
  await clients.s3().send(new PutObjectCommand(inbox));
  const received = await waitFor(() => textOf(join(folder, 'input', INBOX_NAME)), waiting);
  found(
    received === INBOX_TEXT,
    `an object put below input/ in the hub came to the host: ${received?.trim()}`,
  );
  const went = await untilEverywhere();
  found(went !== undefined, went ?? `not everywhere: ${progress()}`);

  await step(2, 'A destination and the file manager fail', [
    'Every connection to the destination offsite is cut, and the file manager answers 503 for a moment.',
    'New files are dropped. Hub, ledger and the other destination must not notice.',
  ]);
  gate?.shut();
  fileManager.fail({ status: 503, times: Number.POSITIVE_INFINITY });
  const callsBefore = fileManager.calls().length;
  for (let index = 1; index <= DURING_OUTAGE; index++) {
    await files.drop(`outage/file-${index}.bin`, SMALL_BYTES);
  }
  const [first = ''] = destinationNames;
  const unmoved = await waitFor(
    () => (watch.totals().verified[first] === files.written.size ? true : undefined),
    waiting,
  );
  const failed = await waitFor(() => {
    const calls = fileManager.calls().slice(callsBefore);
    return calls.length >= DURING_OUTAGE ? calls.length : undefined;
  }, waiting);
  found(unmoved === true, progress());
  for (const { name, waiting: idle, inFlight, delayed } of await queues()) {
    const count = idle + inFlight + delayed;
    if (count > 0) say(`=> queue ${name}: ${countText(count)} messages wait for their next try`);
  }
  say(`=> the file manager has refused ${countText(failed ?? 0)} calls; with more, its breaker would open`);
  fileManager.fail({ status: 503, times: 0 });

  await step(3, 'The agent is killed in the middle of an upload', [
    `A file of ${bytesText(LARGE_BYTES)} is dropped, and the agent gets SIGKILL when the hub has some of its parts.`,
    'No half file may be seen in the hub, and the file must stay in the folder.',
  ]);
  await files.drop(BIG_NAME, LARGE_BYTES);
  const key = `output/${BIG_NAME}`;
  const parts = await waitFor(async () => {
    const held = await partsHeld(clients, hub, key);
    return held >= 2 ? held : undefined;
  }, waiting);
  await agent.kill();
  await files.drop('while-the-agent-was-dead.txt', SMALL_BYTES);
  const isSeen = await isObject(clients, hub, key);
  const kept = await sizeOf(join(outputDir, BIG_NAME));
  found(parts !== undefined, `killed with ${parts ?? 'no'} parts of ${key} in the hub`);
  found(!isSeen, `in the hub under its name: ${isSeen ? 'something' : 'nothing'}`);
  found(kept === LARGE_BYTES, `in the folder: ${bytesText(kept ?? 0)} of ${bytesText(LARGE_BYTES)}`);

  await step(4, 'Everything comes back', [
    'The destination is restored and the agent is started again. That is all the help it needs.',
    'What failed is tried again by itself, each time after a longer wait; the upload goes on after its last part.',
  ]);
  gate?.open();
  await agent.start();
  const healed = (await untilEverywhere(PATIENCE_MS)) ?? (await hurried());
  found(healed !== undefined, healed ?? `not everywhere: ${progress()}`);

  await step(5, 'Is it true?', [
    'Every object is read from every place, and compared with what was dropped.',
    'Nothing may be missing, different, or there without reason.',
  ]);
  const findings = await compareAll(system, clients, files.written, outputDir);
  say(findingsText(findings));
  for (const { place, differences } of findings) {
    wrong.push(...differences.map((difference) => `${place}: ${difference}`));
  }
  for (const { name, deadLetters } of await queues()) {
    if (deadLetters > 0) found(false, `queue ${name}: ${countText(deadLetters)} messages were given up`);
  }
  return wrong;
}

async function textOf(path: string): Promise<string | undefined> {
  return (await sizeOf(path)) === undefined ? undefined : readFile(path, 'utf8');
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

async function isObject(clients: Clients, Bucket: string, Key: string): Promise<boolean> {
  try {
    await clients.s3().send(new HeadObjectCommand({ Bucket, Key }));
    return true;
  } catch (error) {
    if (!(error instanceof Error && error.name === 'NotFound')) throw error;
    return false;
  }
}
