import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { WrongUsage } from '../setup/usage.ts';
import { chosen, parseArguments } from './arguments.ts';
import { CAMPAIGNS } from './campaigns.ts';
import { CASES } from './cases.ts';
import { documentWith } from './document.ts';
import { judgeConverged, judgeNow } from './judge.ts';
import { plantedBugs } from './planted.ts';
import { randomOf } from './random.ts';
import { hasFailed, type Verdict } from './run-campaign.ts';
import type { Mode, Scene } from './scene.ts';
import { createTruth, digestOf } from './truth.ts';

const PROJECT = join(import.meta.dirname, '../..');
const VERDICT: Verdict = {
  campaign: 'kill-random',
  rounds: 5,
  fired: 5,
  lost: 0,
  partial: 0,
  silent: 0,
  notConverged: 0,
  findings: [],
  seconds: 1,
  commit: 'abc1234',
  seed: 1,
  date: '2026-01-02T00:00:00.000Z',
  failed: '',
};

/** Files and objects by name; the writer has written each word of `written` under the name, one after the other. */
function sceneOf(
  mode: Mode,
  files: Record<string, string>,
  objects: Record<string, string>,
  written: Record<string, string[]>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-oracle-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const truth = createTruth();
  for (const [name, versions] of Object.entries(written)) {
    for (const version of versions) truth.closed(name, digestOf(Buffer.from(version)));
  }
  const contents = async () =>
    new Map(Object.entries(objects).map(([name, content]) => [name, digestOf(Buffer.from(content))]));
  return { mode, folder, prefix: '', truth, bucket: { contents, bytes: contents } } as unknown as Scene;
}

const kinds = async (faults: Promise<{ kind: string }[]>) => (await faults).map(({ kind }) => kind);

it.each<[string, Mode, Record<string, string>, Record<string, string>, string[]]>([
  ['in the folder', 'move', { f: 'new' }, {}, []],
  ['in the bucket', 'move', {}, { f: 'new' }, []],
  ['beside its name', 'move', { 'f.sluice-conflict-1': 'new' }, {}, []],
  ['nowhere', 'move', {}, {}, ['lost']],
  ['only an older version', 'move', {}, { f: 'old' }, ['lost']],
  ['the object alone, in a mirror', 'mirror', {}, { f: 'new' }, ['lost']],
  ['cut short', 'move', { f: 'new' }, { f: 'ne' }, ['partial']],
  ['a name that nobody has written', 'receive', { f: 'new', temporary: 'n' }, {}, ['partial']],
])('judges a version that is %s', async (_, mode, files, objects, expected) => {
  expect(await kinds(judgeNow(sceneOf(mode, files, objects, { f: ['old', 'new'] })))).toEqual(expected);
});

it('says whose version has come to a name that never had it', async () => {
  const [, partial] = await judgeNow(sceneOf('move', { g: 'new' }, {}, { f: ['new'] }));
  expect(partial?.what).toMatch(/file g \(\w+\) was never written so; it is a version of f$/);
});

it('finds what a crash has left in the trash', async () => {
  const scene = sceneOf('move', { '.sluice/trash/1-0': 'new' }, {}, { 'a/f': ['new'] });
  symlinkSync('a/f', join(scene.folder, '.sluice/trash/1-0.path'));
  expect(await judgeNow(scene)).toEqual([]);
  expect(await kinds(judgeConverged(scene))).toEqual(['notConverged', 'notConverged']);
});

it.each<[Mode, Record<string, string>, Record<string, string>, string[]]>([
  ['move', {}, { f: 'new' }, []],
  ['move', { f: 'new' }, { f: 'new' }, ['notConverged']],
  ['mirror', { f: 'new' }, { f: 'new' }, []],
  ['mirror', { f: 'new' }, { f: 'old' }, ['notConverged']],
  ['receive', { f: 'new' }, {}, []],
  ['receive', { f: 'new' }, { f: 'new' }, ['notConverged']],
])('knows when a %s folder has come to rest', async (mode, files, objects, expected) => {
  expect(await kinds(judgeConverged(sceneOf(mode, files, objects, { f: ['old', 'new'] })))).toEqual(expected);
});

it('makes the same choices from the same seed', () => {
  const choices = (seed: number) => Array.from({ length: 20 }, randomOf(seed).next);
  expect(choices(3)).toEqual(choices(3));
  expect(choices(3)).not.toEqual(choices(4));
});

it.each([
  [{}, false],
  [{ fired: 0 }, true],
  [{ lost: 1 }, true],
  [{ failed: 'strace: apt-get install strace' }, true],
])('a campaign with %j has failed: %s', (changes, expected) => {
  expect(hasFailed({ ...VERDICT, ...changes })).toBe(expected);
});

it('names the campaign that was meant', () => {
  const { only } = parseArguments(['--only', 'kill-rndom']);
  expect(() => chosen(CAMPAIGNS, only)).toThrow('did you mean kill-random?');
  expect(() => parseArguments(['--rounds', '0'])).toThrow(WrongUsage);
  expect(() => parseArguments(['--round', '1'])).toThrow(WrongUsage);
});

it('every case of the catalogue has a campaign or a test that is there', () => {
  for (const { number, tests } of CASES) {
    const campaigns = CAMPAIGNS.filter(({ cases }) => cases.includes(number));
    expect(tests.length + campaigns.length, `case ${number}`).toBeGreaterThan(0);
    for (const test of tests) expect(existsSync(join(PROJECT, test)), test).toBe(true);
  }
  expect(CASES).toHaveLength(58);
});

it('every planted bug can be planted, and names a campaign or a test that is there', () => {
  const bugs = plantedBugs();
  expect(bugs.length).toBeGreaterThan(20);
  for (const { name, file, catcher } of bugs) {
    const check = spawnSync('git', ['apply', '--check', file], { cwd: PROJECT, encoding: 'utf8' });
    expect(check.stderr, name).toBe('');
    const known =
      'test' in catcher
        ? existsSync(join(PROJECT, catcher.test))
        : CAMPAIGNS.some((one) => one.name === catcher.campaign);
    expect(known, name).toBe(true);
  }
});

it('writes what all runs of a campaign on its last commit prove into the document, and says what was not run', () => {
  const empty =
    'before\n<!-- results: written by test/torture/document.ts -->\n<!-- end of results -->\nafter\n';
  const earlier = { ...VERDICT, commit: 'fff0000', rounds: 1_000, lost: 3 };
  const again = { ...VERDICT, rounds: 6 };
  const more = { ...VERDICT, seed: 9, rounds: 30, fired: 29, silent: 1 };
  const planted = { planted: 2, caught: 1, bugs: ['x', 'y'], commit: 'abc1234', missed: ['x: why'] };
  const rest = { ...planted, bugs: ['z', 'y'], missed: [] };
  const old = { ...planted, commit: 'fff0000', bugs: ['w'] };
  const lines = [earlier, VERDICT, again, more, old, planted, rest].map((one) => JSON.stringify(one));
  const text = documentWith(empty, lines);
  expect(text).toMatch(/^before\n/);
  expect(text).toContain('after\n');
  expect(text).toMatch(
    /\| kill-random \| [^|]+ \| 36 \| 34 \| 0 \| 0 \| 1 \| 0 \| 2 \| [^|]+ \| abc1234, 1, 9 \|/,
  );
  expect(text).toMatch(/\| kill-syscall \| [^|]+ \| not run \|/);
  expect(text).toContain('Planted bugs: 3, caught: 2, missed: x: why.');
  expect(text).toMatch(/\| 2 \| killed at random times[^|]+ \| kill-random \| 36 \| failed: kill-random \|/);
  expect(documentWith(text, lines)).toBe(text);
});
