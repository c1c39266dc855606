import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { pythonEnvironment } from '../../infra/local/python.ts';
import { FULL_SETTINGS } from './full-settings.ts';
import { synthesise } from './template.ts';

const projectDir = join(import.meta.dirname, '../..');

async function cfnLint(): Promise<string> {
  const python = await pythonEnvironment(
    {
      venv: join(projectDir, '.sluice/local/cfn-lint'),
      packages: ['cfn-lint==1.58.0'],
      purpose: 'the template linter',
    },
    () => {},
  );
  return join(dirname(python), 'cfn-lint');
}

it.each([
  ['with one of everything', FULL_SETTINGS],
  ['with nothing but a hub', {}],
  [
    'with a hub of another store',
    {
      hub: { bucket: 'theirs', endpoint: 'https://minio.example.org', credentials: 'sluice/hub' },
      ingest: { token: 'sluice/ingest' },
    },
  ],
])('finds nothing wrong with the template %s', { timeout: 240_000 }, async (_which, settings) => {
  const program = await cfnLint();
  const directory = await mkdtemp(join(tmpdir(), 'sluice-cfn-lint-'));
  try {
    const file = join(directory, 'template.json');
    const { resources: Resources, outputs: Outputs } = synthesise(settings);
    await writeFile(file, JSON.stringify({ AWSTemplateFormatVersion: '2010-09-09', Resources, Outputs }));
    // A finding is exit code 2, 4, 6, 8 and more, whose answer execFile throws with what was printed.
    const { stdout } = await promisify(execFile)(program, ['--regions', 'us-east-1', '--', file]).catch(
      (error: { stdout?: string }) => ({ stdout: error.stdout ?? String(error) }),
    );
    expect(stdout).toBe('');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
