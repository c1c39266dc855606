import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const APP = resolve(import.meta.dirname, '../../infra/app.ts');
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-settings-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** What `node infra/app.ts` says and ends with in a directory with this sluice.yaml, or none. */
async function runApp(
  text?: string,
  more: NodeJS.ProcessEnv = {},
): Promise<{ code: number; stderr: string }> {
  const file = join(directory, 'sluice.yaml');
  await (text === undefined ? rm(file, { force: true }) : writeFile(file, text));
  const { SLUICE_SETTINGS: _, ...env } = process.env;
  return new Promise((done) => {
    execFile(
      process.execPath,
      [APP],
      { cwd: directory, env: { ...env, ...more } },
      (error, _stdout, stderr) => done({ code: typeof error?.code === 'number' ? error.code : 0, stderr }),
    );
  });
}

test('wrong settings end with 2 and name every problem with what was found and what is expected', async () => {
  const { code, stderr } = await runApp(`
removal: perhaps
destinations:
  - name: Copy
    bucket: x
    endpoint: https://s3.example.org
retentoin: []
`);
  expect(code).toBe(2);
  for (const path of ['removal', 'destinations[0].name', 'destinations[0].bucket', 'retentoin']) {
    expect(stderr).toContain(`sluice.yaml: ${path}: found`);
  }
  expect(stderr).toContain('did you mean');
  expect(stderr).not.toContain('at ');
});

test('settings that are not YAML end with 2 and say where', async () => {
  const { code, stderr } = await runApp('name: [');
  expect(code).toBe(2);
  expect(stderr).toMatch(/^sluice\.yaml: /);
});

test('absent settings end with 2 and say how to name them', async () => {
  const { code, stderr } = await runApp();
  expect(code).toBe(2);
  expect(stderr).toContain('sluice.yaml: cannot be read (ENOENT)');
  expect(stderr).toContain('SLUICE_SETTINGS');
});

test.each([
  ['-c settings=other.yaml', { npm_config_call: 'settings=other.yaml' }],
  ['-c stage=prod', { npm_config_call: 'stage=prod' }],
  ['--context', { npm_config_context: 'true' }],
  ['--settings', { npm_config_settings: 'other.yaml' }],
  ['--stage', { npm_config_stage: 'prod' }],
])('%s that npm took for itself deploys nothing, and is told how it reaches CDK', async (option, left) => {
  const { code, stderr } = await runApp('name: sluice', left);
  expect(code).toBe(2);
  expect(stderr).toBe(
    `npm took ${option} for an option of its own; put -- before it: npm run deploy -- -c settings=FILE -c stage=NAME\n`,
  );
});
