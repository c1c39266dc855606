/** What the documents name is there: files, headings, commands, scripts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { agentSettings } from '#core/settings/agent.ts';
import { deploymentSettings } from '#core/settings/deployment.ts';
import { readSettings } from '#core/settings/settings-file.ts';
import { settingsOfStage } from '#core/settings/stages.ts';
import { COMMANDS as AGENT_COMMANDS } from '../../edge-agent/commands.ts';
import { COMMANDS as OPS_COMMANDS } from '../../infra/ops/commands.ts';

const projectDir = join(import.meta.dirname, '../..');
const inDocs = readdirSync(join(projectDir, 'docs')).filter((name) => name.endsWith('.md'));
const DOCUMENTS = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...inDocs.map((name) => `docs/${name}`),
];
const { scripts } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

const textOf = (document: string) => readFileSync(join(projectDir, document), 'utf8');

/** Of `[text](target)` and `[label]: target`, those inside the project. */
function linksOf(document: string): string[] {
  const targets = [
    ...textOf(document).matchAll(/\]\(([^)\s]+)\)/g),
    ...textOf(document).matchAll(/^\[[^\]]+\]: (\S+)$/gm),
  ].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** As GitHub makes them of headings. https://docs.github.com/en/get-started/writing-on-github */
function anchorsOf(document: string): string[] {
  return [...textOf(document).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(DOCUMENTS)('%s', (document) => {
  it('links to files and headings that exist', () => {
    const broken = linksOf(document).filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? document : relative(projectDir, join(projectDir, dirname(document), path));
      if (!existsSync(join(projectDir, file))) return true;
      return anchor !== undefined && !anchorsOf(file).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names only commands that exist', () => {
    const text = textOf(document);
    const named = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = '']) => name);
    const unknown = [
      ...named(/`sluice-agent ([a-z-]+)/g).filter((name) => !Object.hasOwn(AGENT_COMMANDS, name)),
      ...named(/(?:`|run (?:-s )?)ops (?:-- )?([a-z][a-z-]*)/g).filter(
        (name) => name !== 'help' && !Object.hasOwn(OPS_COMMANDS, name),
      ),
      ...named(/npm run (?:-s )?([a-z][a-z:0-9]*)/g).filter((name) => !Object.hasOwn(scripts, name)),
    ];
    expect(unknown).toEqual([]);
  });
});

describe('the settings that README.md shows', () => {
  const [deployment = '', agent = ''] = [...textOf('README.md').matchAll(/```yaml\n(.*?)```/gs)].map(
    ([, yaml = '']) => yaml,
  );

  it('are good for a deployment, without anything more on the command line', () => {
    const file = readSettings(deploymentSettings, 'README.md', deployment, {}, (value) =>
      settingsOfStage(value, undefined),
    );
    expect(file).toHaveProperty('settings');
  });

  it('are good for a host, one folder of each mode', () => {
    const { folders } = agentSettings.parse(parse(agent));
    expect(folders.map(({ mode }) => mode)).toEqual(['move', 'mirror', 'append', 'receive']);
  });
});

it('README.md leads to every document in docs/', () => {
  const linked = new Set(linksOf('README.md').map((target) => target.split('#')[0]));
  expect(inDocs.filter((name) => !linked.has(`docs/${name}`))).toEqual([]);
});

it('CONTRIBUTING.md says how to run every suite', () => {
  const text = textOf('CONTRIBUTING.md');
  const suites = Object.keys(scripts).filter((name) => /vitest|^node test\//.test(scripts[name] ?? ''));
  expect(suites.length).toBeGreaterThan(4);
  expect(suites.filter((name) => !new RegExp(`npm (?:run )?${name}\\b`).test(text))).toEqual([]);
});
