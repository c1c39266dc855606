import { mkdirSync, readdirSync, renameSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { watchTree } from '#adapters/host/watcher.ts';
import { temporaryFolder } from './folder.ts';

const NAMES = ['a', 'b', 'c', 'a/a', 'a/b', 'b/a', 'c/c', 'a/b/c', 'c/c/a'];
const anyName = fc.constantFrom(...NAMES);
const anyStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('mkdir' as const), at: anyName }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rename' as const), at: anyName, to: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('out' as const), at: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('in' as const), at: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rmdir' as const), at: anyName }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('write' as const), at: anyName }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

test('whatever happens to directories, every file there is was reported where it is, and all directories are watched', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 60 }), async (steps) => {
      const root = temporaryFolder();
      const outside = temporaryFolder();
      const reported = new Set<string>();
      const troubles: string[] = [];
      let wake = () => {};
      const watcher = await watchTree(Buffer.from(root), {
        onDirty(path) {
          reported.add(path.toString());
          wake();
        },
        onRescan() {
          // The consumer now compares the whole folder, and so finds everything.
          for (const path of everythingIn(root).files) reported.add(path);
          wake();
        },
        onProblem: (error) => troubles.push(error.message),
      });
      onTestFinished(() => watcher.close());
      const until = async (condition: () => boolean) => {
        while (!condition()) await new Promise<void>((resolve) => (wake = resolve));
      };

      for (const [number, step] of steps.entries()) {
        if (step.kind === 'turn') await turn();
        else attempt(() => perform(step, number, root, outside));
      }
      const { files } = everythingIn(root);
      await until(() => files.every((path) => reported.has(path)));

      reported.clear();
      const { directories } = everythingIn(root);
      for (const directory of directories) writeFileSync(join(root, directory, 'probe'), 'x');
      await until(() => directories.every((directory) => reported.has(join(directory, 'probe'))));
      expect(troubles).toEqual([]);
      // What was moved out is dropped a moment later; each round is an event, so this waits for no clock.
      for (let round = 0; watcher.watchCount !== directories.length; round++) {
        writeFileSync(join(root, `round-${round}`), 'x');
        await until(() => reported.has(`round-${round}`));
      }
      watcher.close();
    }),
    { numRuns: 60 },
  );
});

function perform(step: Exclude<Step, { kind: 'turn' }>, number: number, root: string, outside: string): void {
  const at = join(root, step.at);
  if (step.kind === 'mkdir') mkdirSync(at, { recursive: true });
  else if (step.kind === 'rename') renameSync(at, join(root, step.to));
  else if (step.kind === 'rmdir') rmdirSync(at);
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
    files: paths.filter((path) => !isDirectory(path)).map((path) => relative('.', path)),
    directories: ['', ...paths.filter(isDirectory)],
  };
}
