/**
 * Bugs planted on purpose: each patch of `planted/` goes into a copy of the tree, and the campaign or test that its
 * header names must find it there. What finds nothing in a broken program proves nothing of a whole one.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { commitNow } from './run-campaign.ts';

export interface Planted {
  name: string;
  file: string;
  /** What is wrong with it, in a sentence. */
  bug: string;
  /** Arguments of what must catch it. */
  catcher: { campaign: string; rounds: string } | { test: string };
}

export interface PlantedResult {
  planted: number;
  caught: number;
  /** Names of all. */
  bugs: string[];
  commit: string;
  /** Name and why. */
  missed: string[];
}

const PROJECT = join(import.meta.dirname, '../..');
const PATCHES = join(import.meta.dirname, 'planted');
/** What is built, fetched or private is not copied. */
const LEFT_OUT = new Set(['node_modules', '.sluice', '.git', 'dist', 'cdk.out', 'demo', 'coverage']);
const WITHIN_MS = 600_000;
/** Exit codes of the campaigns and of vitest when something was found; others are troubles of their own. */
const FOUND = 1;

/** Every patch begins with `Bug:` and `Caught-by: campaign NAME ROUNDS` or `Caught-by: test FILE`. */
export function plantedBugs(): Planted[] {
  return readdirSync(PATCHES)
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => {
      const file = join(PATCHES, name);
      const text = readFileSync(file, 'utf8');
      const bug = /^Bug: (.+)$/m.exec(text)?.[1];
      const [, kind, what = '', rounds = ''] =
        /^Caught-by: (campaign|test) (\S+)(?: (\d+))?$/m.exec(text) ?? [];
      if (bug === undefined || kind === undefined)
        throw new Error(`${name} does not say what it is, or what catches it`);
      const catcher = kind === 'campaign' ? { campaign: what, rounds } : { test: what };
      return { name: name.replace(/\.patch$/, ''), file, bug, catcher };
    });
}

export async function runPlanted(
  bugs: readonly Planted[],
  directory: string,
  stopping: AbortSignal,
  print: (line: string) => void,
): Promise<PlantedResult> {
  const missed: string[] = [];
  for (const bug of bugs) {
    if (stopping.aborted) missed.push(`${bug.name}: interrupted`);
    else {
      const why = await tryOne(bug, directory, stopping);
      if (why !== undefined) missed.push(`${bug.name}: ${why}`);
      print(
        `${bug.name.padEnd(32)}${why === undefined ? 'caught' : 'MISSED'}  ${nameOf(bug)}: ${why ?? bug.bug}`,
      );
    }
  }
  const names = bugs.map(({ name }) => name);
  return {
    planted: bugs.length,
    caught: bugs.length - missed.length,
    bugs: names,
    commit: commitNow(),
    missed,
  };
}

/** Why it was not caught; `undefined` when it was. */
async function tryOne(bug: Planted, directory: string, stopping: AbortSignal): Promise<string | undefined> {
  const tree = copyOfTree(directory);
  try {
    try {
      execFileSync('patch', ['-p1', '--no-backup-if-mismatch', '-i', bug.file], { cwd: tree, stdio: 'pipe' });
    } catch (error) {
      if (!(error instanceof Error) || !('stdout' in error)) throw error;
      return `the patch does not apply: ${String(error.stdout).trim().split('\n').at(-1)}`;
    }
    return await caught(bug, tree, stopping);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

async function caught(
  { catcher }: Planted,
  tree: string,
  stopping: AbortSignal,
): Promise<string | undefined> {
  if ('test' in catcher) {
    const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', catcher.test];
    const { code, output } = await ended(tree, args, stopping);
    const failedTest = /Tests .*\d+ failed/.test(output);
    return code === FOUND && failedTest
      ? undefined
      : `the tests end with ${code}: ${output.trim().slice(-300)}`;
  }
  const json = join(tree, 'verdicts.json');
  const args = ['test/torture/main.ts', '--only', catcher.campaign, '--fail-fast', '--json', json];
  const { code, output } = await ended(
    tree,
    [...args, ...(catcher.rounds === '' ? [] : ['--rounds', catcher.rounds])],
    stopping,
  );
  if (code !== FOUND) return `the campaign ends with ${code}: ${output.trim().slice(-300)}`;
  const { lost, partial, silent, notConverged, failed } = JSON.parse(readFileSync(json, 'utf8'));
  return lost + partial + silent + notConverged > 0
    ? undefined
    : `the campaign found nothing wrong (${failed})`;
}

function copyOfTree(directory: string): string {
  const tree = mkdtempSync(join(directory, 'planted-'));
  for (const name of readdirSync(PROJECT)) {
    if (!LEFT_OUT.has(name)) cpSync(join(PROJECT, name), join(tree, name), { recursive: true });
  }
  for (const name of ['node_modules', '.sluice', '.git']) {
    mkdirSync(join(PROJECT, name), { recursive: true });
    symlinkSync(join(PROJECT, name), join(tree, name));
  }
  return tree;
}

function nameOf({ catcher }: Planted): string {
  return 'test' in catcher ? catcher.test : catcher.campaign;
}

async function ended(
  cwd: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ code: number | string; output: string }> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: WITHIN_MS,
  });
  const end = () => void child.kill('SIGTERM');
  signal.addEventListener('abort', end);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000);
    });
  }
  const code = await new Promise<number | string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit, killedBy) => resolve(exit ?? killedBy ?? ''));
  });
  signal.removeEventListener('abort', end);
  return { code, output };
}
