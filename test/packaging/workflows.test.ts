/** What runs at the host of the repository: no action that can change under us, and no right that is not needed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const projectDir = join(import.meta.dirname, '../..');
const directory = join(projectDir, '.github/workflows');

interface Workflow {
  permissions?: Record<string, string>;
  jobs: Record<string, { permissions?: Record<string, string>; steps: { run?: string; uses?: string }[] }>;
}

describe.each(readdirSync(directory))('the workflow %s', (name) => {
  const text = readFileSync(join(directory, name), 'utf8');
  const workflow = parse(text) as Workflow;
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  it('names each action by its commit, with the version beside it', () => {
    const used = text.match(/^\s*(?:- )?uses: .*$/gm) ?? [];
    expect(used).toHaveLength(steps.filter(({ uses }) => uses !== undefined).length);
    for (const line of used) expect(line).toMatch(/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('has no right as a whole but to read, and writes only where a job says so', () => {
    expect(workflow.permissions).toBeDefined();
    expect(Object.values(workflow.permissions ?? {}).filter((right) => right !== 'read')).toEqual([]);
  });

  it('runs only scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8'));
    const called = steps.flatMap(({ run = '' }) =>
      [...run.matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script),
    );
    for (const script of called) expect(scripts).toHaveProperty([script ?? '']);
  });
});

describe('a release', () => {
  const { jobs } = parse(readFileSync(join(directory, 'release.yml'), 'utf8')) as Workflow;

  it('is built by a job that cannot publish, and published by one that builds nothing', () => {
    const rightsOf = Object.fromEntries(
      Object.entries(jobs).map(([name, { permissions }]) => [name, permissions]),
    );
    expect(rightsOf).toEqual({
      build: { contents: 'read', 'id-token': 'write', attestations: 'write' },
      publish: { contents: 'write' },
    });
    const published = jobs.publish?.steps.map(({ uses = '', run = '' }) => uses + run) ?? [];
    expect(published.filter((step) => /checkout|npm|node /.test(step))).toEqual([]);
  });

  it('has provenance of what was tested, and is published only with its checksums right', () => {
    const built = jobs.build?.steps.map(({ uses = '', run = '' }) => uses + run) ?? [];
    const at = (pattern: RegExp) => built.findIndex((step) => pattern.test(step));
    expect(at(/^\.ci\/run$/)).toBeGreaterThan(0);
    expect(at(/npm run build/)).toBeGreaterThan(at(/^\.ci\/run$/));
    expect(at(/attest-build-provenance/)).toBeGreaterThan(at(/npm run build/));
    const published = jobs.publish?.steps.map(({ run = '' }) => run).filter((run) => run !== '');
    expect(published?.[0]).toMatch(/^sha256sum --check /);
  });
});
