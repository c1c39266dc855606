/** Deploys the real stack with the real CDK to an emulator of its own; for `e2e-iam` to one that enforces every policy. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { bootstrap, deploy, type StackOutputs } from '../../infra/local/cdk.ts';
import { startEmulator } from '../../infra/local/emulator.ts';
import { startFileManager } from '../../infra/local/file-manager.ts';
import {
  createSurroundings,
  LOCAL_SIGNING_KEY,
  localDistribution,
  localSettings,
} from '../../infra/local/surroundings.ts';
import { adoptEnvironment } from './environment.ts';

export interface DeployedStack {
  endpoint: string;
  /** What a client needs in its environment. */
  environment: Record<string, string>;
  outputs: StackOutputs;
  policiesEnforced: boolean;
  /** URL of the mock file manager. */
  fileManager: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    stack: DeployedStack;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const projectDir = join(import.meta.dirname, '../..');
  const runDir = await mkdtemp(join(tmpdir(), 'sluice-e2e-'));
  const policiesEnforced = project.name === 'e2e-iam';
  const emulator = await startEmulator({
    projectDir,
    localDir: join(projectDir, '.sluice/local'),
    runDir,
    port: 0,
    enforceIam: policiesEnforced,
  });
  const fileManager = await startFileManager({ signingKey: LOCAL_SIGNING_KEY });
  const stop = async () => {
    await emulator.stop();
    await fileManager.stop();
    await rm(runDir, { recursive: true, force: true });
  };
  try {
    const { endpoint, environment } = emulator;
    const settingsFile = join(runDir, 'sluice.yaml');
    await adoptEnvironment(environment);
    const distribution = await localDistribution();
    const settings = await localSettings(join(projectDir, 'infra/local/sluice.yaml'), settingsFile, {
      endpoint,
      fileManager: fileManager.url,
      distribution,
    });
    await createSurroundings(settings);
    const options = { projectDir, runDir, settingsFile, environment };
    await bootstrap(options);
    const outputs = await deploy(options);
    project.provide('stack', {
      endpoint,
      environment,
      outputs,
      policiesEnforced,
      fileManager: fileManager.url,
    });
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}
