import {
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { WatchKind } from '#adapters/host/watch-session.ts';
import { watchTree } from '#adapters/host/watcher.ts';
import { temporaryFolder } from './folder.ts';
import { mayUseFanotify } from './watched.ts';

const NAMES = ['a', 'b', 'c', 'a/a', 'a/b', 'b/a', 'c/c', 'a/b/c', 'c/c/a'];
const anyName = fc.constantFrom(...NAMES);
const anyStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('mkdir' as const), at: anyName }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rename' as const), at: anyName, to: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('out' as const), at: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('in' as const), at: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rmdir' as const), at: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: anyName }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('write' as const), at: anyName }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

const kinds: [WatchKind, number][] = [
  ['inotify', 60],
  ['polling', 20],
  ...(mayUseFanotify() ? [['fanotify', 60] satisfies [WatchKind, number]] : []),
];

/** What a consumer knows that looks at the disk at each hint, and at nothing else. */
function consumerOf(root: string) {
  const known = new Set<string>();
  const look = (path: string) => {
    if (lstatSync(join(root, path), { throwIfNoEntry: false })?.isFile()) known.add(path);
    else known.delete(path);
  };
  return {
    known,
    onDirty: (path: Buffer) => look(path.toString()),
    onGone(path: Buffer) {
      const gone = path.toString();
      look(gone);
      for (const below of [...known].filter((one) => one.startsWith(`${gone}/`))) look(below);
    },
    onRescan() {
      known.clear();
      for (const path of everythingIn(root).files) known.add(path);
    },
  };
}

test.each(kinds)(
  '%s: whatever happens to directories, who looks at what is told knows every file there is, and no other',
  async (kind, numRuns) => {
    let files = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 60 }), async (steps) => {
        const root = temporaryFolder();
        const outside = temporaryFolder();
        const troubles: string[] = [];
        const consumer = consumerOf(root);
        let wake = () => {};
        const waking =
          <T>(action: (value: T) => void) =>
          (value: T) => {
            action(value);
            wake();
          };
        const watcher = await watchTree(
          Buffer.from(root),
          { kind, pollMs: 5, gone: true },
          {
            onDirty: waking(consumer.onDirty),
            onGone: waking(consumer.onGone),
            onRescan: waking(consumer.onRescan),
            onProblem: (error) => troubles.push(error.message),
          },
        );
        onTestFinished(() => watcher.close());
        const until = async (condition: () => boolean) => {
          while (!condition()) await new Promise<void>((resolve) => (wake = resolve));
        };
        const everythingKnown = () =>
          until(() => {
            const there = everythingIn(root).files;
            return there.length === consumer.known.size && there.every((path) => consumer.known.has(path));
          });

        for (const [number, step] of steps.entries()) {
          if (step.kind === 'turn') await turn();
          else attempt(() => perform(step, number, root, outside));
        }
        await everythingKnown();
        const { directories } = everythingIn(root);
        for (const directory of directories) writeFileSync(join(root, directory, 'probe'), 'x');
        await everythingKnown();
        files += consumer.known.size;
        expect(troubles).toEqual([]);
        // What was moved out is dropped a moment later; each round is an event, so this waits for no clock.
        for (let round = 0; kind === 'inotify' && watcher.watchCount !== directories.length; round++) {
          writeFileSync(join(root, `round-${round}`), 'x');
          await everythingKnown();
        }
        watcher.close();
      }),
      { numRuns },
    );
    expect(files).toBeGreaterThan(numRuns);
  },
);

function perform(step: Exclude<Step, { kind: 'turn' }>, number: number, root: string, outside: string): void {
  const at = join(root, step.at);
  if (step.kind === 'mkdir') mkdirSync(at, { recursive: true });
  else if (step.kind === 'rename') renameSync(at, join(root, step.to));
  else if (step.kind === 'rmdir') rmdirSync(at);
  else if (step.kind === 'remove') rmSync(at, { recursive: true });
  else if (step.kind === 'out') renameSync(at, join(outside, `${number}`));
  else if (step.kind === 'write') writeFileSync(join(at, `file-${number}`), 'x');
  else {
    const [first] = readdirSync(outside);
    if (first !== undefined) renameSync(join(outside, first), at);
  }
}

/** Steps are made up without looking: one that cannot be done is none. */
function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
  }
}

function everythingIn(root: string): { files: string[]; directories: string[] } {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const isDirectory = (path: string) => statSync(join(root, path)).isDirectory();
  return {
    files: paths.filter((path) => !isDirectory(path)),
    directories: ['', ...paths.filter(isDirectory)],
  };
}
