/** `npm run demo`: a guided tour of what `npm start` runs, which breaks it on purpose and shows how it heals. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { makeDirectory } from '#adapters/host/make-directory.ts';
import { SyncError } from '#core/errors.ts';
import { createClients } from '../ops/clients.ts';
import { runTour, TOUR_LIMITS } from './demo/tour.ts';
import { INTERRUPT, onKeys } from './keys.ts';
import { openLivePage } from './live/live-page.ts';
import { claimPort } from './port.ts';
import { localDir, portOf, projectDir, runProgram } from './program.ts';
import { startSystem } from './system.ts';

const USAGE = `usage: npm run demo -- [--yes] [--folder DIR] [--port PORT]

  --yes         goes through without a key press
  --folder DIR  the files of the tour are dropped in DIR/output; DIR must be empty (default: a temporary one)
  --port PORT   of the emulator (default: any free one)

Exit codes: 0 everything converged; 1 it did not, or could not be tried; 2 wrong usage; 130 interrupted.
`;
const INTERRUPTED = 130;

interface Arguments {
  yes: boolean;
  folder: string | undefined;
  port: number;
}

const coloured = process.stdout.isTTY === true && process.stdout.hasColors();
const say = (line: string) => process.stdout.write(`${line}\n`);
/** What the parts say, behind what the tour says. */
function aside(line: string): void {
  const text = `     ${line}`;
  say(coloured ? styleText('dim', text) : text);
}

async function run({ yes, folder, port: wantedPort }: Arguments, stopping: AbortController): Promise<number> {
  const ending = new AbortController();
  const signal = AbortSignal.any([stopping.signal, ending.signal]);
  if (process.env.AWS_ENDPOINT_URL) {
    throw new SyncError('the tour breaks its own emulator, not the endpoint of AWS_ENDPOINT_URL', {
      op: 'demo',
      retryable: false,
      hint: 'Unset AWS_ENDPOINT_URL.',
    });
  }
  await using cleanup = new AsyncDisposableStack();
  const ownDir = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
  cleanup.defer(() => rm(ownDir, { recursive: true, force: true }));
  const keys = keyPresses(stopping);
  cleanup.use(keys);
  const system = await startSystem(
    {
      ...{ projectDir, localDir, signal },
      runDir: join(ownDir, 'run'),
      folder: folder === undefined ? join(ownDir, 'demo') : await emptyFolder(folder),
      port: await claimPort(wantedPort),
      limits: TOUR_LIMITS,
      onStep: aside,
      onAgentText: aside,
    },
    cleanup,
  );
  const page = await openLivePage(system, signal, aside);
  cleanup.defer(page.stop);
  const clients = createClients(process.env);
  cleanup.defer(async () => clients.close());
  cleanup.defer(async () => ending.abort());
  say(`\nEverything runs. See it all on ${page.url}, now and during the tour.`);
  say(`For any S3 client: ${system.endpoint}, access key and secret key are test.`);

  async function goOn(): Promise<void> {
    if (yes) return;
    say('   Press a key to go on, q to end.');
    await keys.next();
    signal.throwIfAborted();
  }
  const tour = runTour({ system, clients, say, goOn, signal });
  const wrong = await Promise.race([
    tour,
    endOf(system.follow(), stopping.signal),
    endOf(page.follow(), stopping.signal),
  ]);
  if (wrong.length === 0) say('\nEverything converged.');
  else say(`\nIt did NOT converge:\n${wrong.map((one) => `  ${one}`).join('\n')}`);
  if (!yes) {
    say('Press a key to end.');
    await keys.next();
  }
  return wrong.length === 0 ? 0 : 1;
}

/** Neither ends before the tour, unless it fails or is interrupted. */
async function endOf(following: Promise<void>, stopping: AbortSignal): Promise<never> {
  await following;
  stopping.throwIfAborted();
  throw new SyncError('a part of the system has ended', { op: 'demo', retryable: false });
}

/** One key at a time; q and Ctrl-C end the tour. Where no key can come any more, it goes on. */
function keyPresses(stopping: AbortController): Disposable & { next(): Promise<void> } {
  let pressed = Promise.withResolvers<void>();
  const reading = onKeys((key) => {
    if (key === 'q' || key === INTERRUPT) stopping.abort();
    pressed.resolve();
  });
  stopping.signal.addEventListener('abort', () => pressed.resolve());
  return {
    async next() {
      pressed = Promise.withResolvers<void>();
      if (stopping.signal.aborted || process.stdin.readableEnded) return;
      process.stdin.once('end', pressed.resolve);
      await pressed.promise;
      process.stdin.off('end', pressed.resolve);
    },
    [Symbol.dispose]: () => reading[Symbol.dispose](),
  };
}

async function emptyFolder(folder: string): Promise<string> {
  makeDirectory(folder);
  if ((await readdir(folder)).length === 0) return folder;
  throw new SyncError(`${folder} is not empty`, {
    op: 'demo',
    retryable: false,
    hint: 'The tour compares all that is there: name an empty folder, or leave out --folder.',
  });
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      yes: { type: 'boolean', default: false },
      folder: { type: 'string' },
      port: { type: 'string', default: '0' },
    },
  });
  return { yes: values.yes, folder: values.folder && resolve(values.folder), port: portOf(values.port) };
}

await runProgram({ name: 'demo', usage: USAGE, readArguments, run, stoppedCode: INTERRUPTED });
