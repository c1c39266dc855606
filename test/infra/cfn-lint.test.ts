import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { pythonEnvironment } from '../../infra/local/python.ts';
import { FULL_SETTINGS } from './full-settings.ts';
import { synthesise } from './template.ts';

/** As `--format json` has it; others of its fields are left out. */
interface Finding {
  Rule: { Id: string };
  Message: string;
}

/**
 * Batches need no action of their own on AWS, where the linter knows none, but on an emulator that enforces policies.
 * W3005, which is ignored as a whole, is about dependencies that the CDK writes beside those that follow anyway.
 */
const BATCH = /^W3037 '(?:deletemessagebatch|publishbatch|sendmessagebatch)' is not one of /;

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
    const args = ['--format', 'json', '--regions', 'us-east-1', '--ignore-checks', 'W3005', '--', file];
    // A finding is exit code 2, 4, 6, 8 and more, whose answer execFile throws with what was printed.
    const { stdout } = await promisify(execFile)(program, args).catch(
      (error: { code?: unknown; stdout?: string }) => {
        if (typeof error.code !== 'number') throw error;
        return { stdout: error.stdout ?? '' };
      },
    );
    const findings = (JSON.parse(stdout) as Finding[]).map(({ Rule, Message }) => `${Rule.Id} ${Message}`);
    expect(findings.filter((finding) => !BATCH.test(finding))).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
