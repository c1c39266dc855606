import { describe, expect, it, test } from 'vitest';
import { deploymentSettings } from '#core/settings/deployment.ts';
import { readSettings } from '#core/settings/settings-file.ts';

const read = (text: string, environment = {}) =>
  readSettings(deploymentSettings, 'sluice.yaml', text, environment);

function problemsOf(text: string): string[] {
  const result = read(text);
  return 'problems' in result ? result.problems.split('\n') : [];
}

/** `site-a: output/ move`, one folder a line. */
function agents(...lines: string[]): string {
  const entries = lines.map((line) => {
    const [, name, folders = ''] = /^([^:]*): (.*)$/.exec(line) ?? [];
    const list = folders.split(', ').map((folder) => {
      const [prefix, mode] = folder.split(' ');
      return `{prefix: ${prefix === '-' ? "''" : prefix}, mode: ${mode}}`;
    });
    return `  - {name: ${name}, folders: [${list.join(', ')}]}`;
  });
  return `agents:\n${entries.join('\n')}\n`;
}

describe('agents', () => {
  it('need a name and a folder; the mode is move unless it is named', () => {
    expect(read('agents: [{name: site-a, folders: [{prefix: output/}]}]')).toMatchObject({
      settings: {
        agents: [{ name: 'site-a', folders: [{ prefix: 'output/', mode: 'move', deletes: true }] }],
      },
    });
  });

  it('report every problem at once, with key, found and expected', () => {
    const text = `agents:
  - {name: Site, folders: [], distribution: e1}
  - {name: b, folders: [{prefix: /a, mode: copy}, {prefix: .sluice/owners/}, {prefix: "a*/"}], delets: true}`;
    expect(problemsOf(text)).toEqual([
      'sluice.yaml: agents[0].name: found "Site", expected a name: up to 30 lower-case letters, digits and hyphens',
      'sluice.yaml: agents[0].folders: found [], expected at least one folder',
      'sluice.yaml: agents[0].distribution: found "e1", expected the id of a distribution such as E1EXAMPLE',
      'sluice.yaml: agents[1].folders[0].prefix: found "/a", expected empty, or a prefix that ends with / and does not start with it',
      'sluice.yaml: agents[1].folders[0].mode: found "copy", expected one of "move", "mirror", "append", "receive"',
      'sluice.yaml: agents[1].folders[1].prefix: found ".sluice/owners/", expected a prefix outside .sluice/, which is kept for Sluice',
      'sluice.yaml: agents[1].folders[2].prefix: found "a*/", expected a prefix without *, ? and $: a policy would take them for wildcards and variables',
      'sluice.yaml: agents[1].delets: found an unknown setting, expected one of name, folders, distribution',
    ]);
  });

  const MODES = ['move', 'mirror', 'append', 'receive'] as const;
  const pairs = MODES.flatMap((one) => MODES.map((other) => [one, other] as const));
  it.each(pairs)('of overlapping prefixes, %s and %s: only move beside receive is accepted', (one, other) => {
    const handsOver = [one, other].toSorted().join() === 'move,receive';
    for (const [left, right] of [
      ['x/', 'x/'],
      ['x/', 'x/y/'],
      ['-', 'x/'],
    ]) {
      const found = problemsOf(agents(`a: ${left} ${one}`, `b: ${right} ${other}`));
      const shown = left === '-' ? '' : left;
      expect(found).toEqual(
        handsOver
          ? []
          : [
              `sluice.yaml: agents[1].folders[0].prefix: found "${right}", expected a prefix that does not overlap with "${shown}" (${one}) of agent a`,
            ],
      );
    }
  });

  it('may have prefixes side by side, but one agent none that overlap', () => {
    expect(problemsOf(agents('a: x/ move, y/ receive', 'b: xy/ mirror'))).toEqual([]);
    expect(problemsOf(agents('a: x/ move, x/y/ receive'))).toHaveLength(1);
  });

  it.each(['a-1', 'a1'])('need names whose ids differ: a1 and %s', (name) => {
    expect(problemsOf(agents('a1: x/ move', `${name}: y/ move`))).toEqual([
      `sluice.yaml: agents[1].name: found "${name}", expected a name that stays different from a1 as A1`,
    ]);
  });
});

test.each([
  ['a1', 'a-1'],
  ['x', 'x-events'],
  ['x-events', 'x'],
  ['x', 'x-queue-url'],
  ['x', 'x-dlq-url'],
])('destinations %s and %s cannot both be: the stack would give them one id', (one, other) => {
  const text = `destinations: [{name: ${one}, bucket: one-bucket}, {name: ${other}, bucket: other-bucket}]`;
  expect(problemsOf(text)).toEqual([
    `sluice.yaml: destinations[1].name: found "${other}", expected a name whose ids differ from those of ${one}`,
  ]);
});

describe('noncurrent versions', () => {
  it('are kept for 30 days, or as the file or the environment says', () => {
    const kept = (text: string, environment = {}) => {
      const result = read(text, environment);
      return 'settings' in result ? result.settings.hub.noncurrentVersions : result.problems;
    };
    const DAY_MS = 86_400_000;
    expect(kept('')).toBe(30 * DAY_MS);
    expect(kept('hub: {noncurrentVersions: 7d}')).toBe(7 * DAY_MS);
    expect(kept('hub: {noncurrentVersions: off}')).toBe('off');
    expect(kept('', { SLUICE_HUB_NONCURRENT_VERSIONS: '90d' })).toBe(90 * DAY_MS);
  });

  it.each(['12h', '36h', '0d', 'soon', '30'])('are not kept for %s', (value) => {
    const [problem] = problemsOf(`hub: {noncurrentVersions: ${value}}`);
    expect(problem).toContain('hub.noncurrentVersions: found');
    expect(problem).toContain('expected whole days such as 30d, at least 1d, or off');
  });
});

it.each([
  ['{name: two, bucket: copies, prefix: copy/}', false],
  ["{name: two, bucket: copies, prefix: ''}", false],
  ['{name: two, bucket: others, prefix: copy/}', true],
])(
  'two destinations are of places apart, else each would delete what the other copies: %s',
  (two, isApart) => {
    const text = `destinations:\n  - {name: one, bucket: copies}\n  - ${two}\n`;
    const found = problemsOf(text).filter((line) => line.includes('a place apart from one'));
    expect(found).toHaveLength(isApart ? 0 : 1);
  },
);
