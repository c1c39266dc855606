/** A predecessor's configuration, imported with `ops import` and deployed with the real CDK to the emulator. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { bootstrap, deploy, type StackOutputs } from '../../infra/local/cdk.ts';
import { clientEnvironment } from '../../infra/local/emulator.ts';
import { adoptEnvironment } from '../setup/environment.ts';

const projectDir = join(import.meta.dirname, '../..');
const OPS = join(projectDir, 'infra/ops/main.ts');

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Where AWS is: the emulator, also when the store under test is another one. */
export const awsEndpoint = (): string => inject('cdnEndpoint') ?? inject('endpoint');

/** Runs `npm run ops -- …` as an operator does. */
export function ops(args: readonly string[]): Promise<Ended> {
  const environment = { ...process.env, ...clientEnvironment(awsEndpoint()), NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [OPS, ...args], { env: environment }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
}

/**
 * Imports the environment file, creates its secrets, and deploys the result.
 *
 * @param change the imported sluice.yaml, as its owner would edit it
 */
export async function deployImported(
  system: 's3-sync-service' | 'relic',
  environmentFile: string,
  name: string,
  change: (yaml: string) => string = (yaml) => yaml,
): Promise<{ imported: Ended; outputs: StackOutputs; ops(...args: string[]): Promise<Ended> }> {
  const environment = clientEnvironment(awsEndpoint());
  await adoptEnvironment(environment);
  const runDir = mkdtempSync(join(tmpdir(), 'sluice-system-'));
  try {
    const file = join(runDir, 'old.env');
    writeFileSync(file, environmentFile);
    const imported = await ops(['import', system, file, '--name', name, '--create-secrets']);
    if (imported.code !== 0) throw new Error(`ops import ended with ${imported.code}: ${imported.stderr}`);
    const settingsFile = join(runDir, 'sluice.yaml');
    writeFileSync(settingsFile, change(imported.stdout));
    const options = { projectDir, runDir, settingsFile, environment };
    await bootstrap(options);
    const outputs = await deploy(options);
    return { imported, outputs, ops: (...args) => ops([...args, '--stack', name]) };
  } finally {
    rmSync(runDir, { recursive: true, force: true });
  }
}
