import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { runOps } from '../../../infra/ops/run.ts';

/** What a status command in that directory says: the emulator has no stack at all. */
async function statusIn(
  settings: string | undefined,
  environment: Record<string, string> = {},
  args: string[] = [],
): Promise<{ code: number; noted: string }> {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: inject('endpoint'),
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const cwd = await mkdtemp(join(tmpdir(), 'sluice-ops-'));
  onTestFinished(() => rm(cwd, { recursive: true }));
  if (settings !== undefined) await writeFile(join(cwd, 'sluice.yaml'), settings);
  const noted: string[] = [];
  const terminal = {
    print: () => {},
    note: (text: string) => void noted.push(text),
    progress: () => {},
    paint: (_style: string, text: string) => text,
    ask: async () => undefined,
  };
  const code = await runOps(['status', ...args], { environment, cwd, terminal });
  return { code, noted: noted.join('\n') };
}

it.each([
  ['sluice, where nothing names one', undefined, {}, [], 'sluice'],
  ['the one of sluice.yaml', 'name: of-file', {}, [], 'of-file'],
  ['that of the environment before it', 'name: of-file', { SLUICE_STACK: 'of-env' }, [], 'of-env'],
  [
    'the one named before all others',
    'name: of-file',
    { SLUICE_STACK: 'of-env' },
    ['--stack', 'named'],
    'named',
  ],
])('the stack is %s', async (_what, settings, environment, args, name) => {
  const { code, noted } = await statusIn(settings, environment, args);
  expect(code).toBe(1);
  expect(noted).toContain(`there is no stack ${name} in this account`);
});

it('a sluice.yaml that is wrong is told of, and no other stack is taken for it', async () => {
  const { code, noted } = await statusIn('nmae: x');
  expect(code).toBe(2);
  expect(noted).toContain('sluice.yaml: nmae: found an unknown setting, expected name (did you mean that?)');
  expect(noted).toContain('--stack');
});
