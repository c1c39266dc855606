/** The demo stack, deployed with the real CDK to an emulator of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

export interface DemoOptions {
  port?: number;
  enforceIam?: boolean;
  /** Where functions find AWS, when that is not the emulator itself. */
  functionsEndpoint?: string;
}

export async function deployDemo({
  port = 0,
  enforceIam = false,
  functionsEndpoint,
}: DemoOptions): Promise<{ stack: DeployedStack; stop(): Promise<void> }> {
  const projectDir = join(import.meta.dirname, '../..');
  const runDir = await mkdtemp(join(tmpdir(), 'sluice-e2e-'));
  const emulator = await startEmulator({
    projectDir,
    localDir: join(projectDir, '.sluice/local'),
    runDir,
    port,
    enforceIam,
    ...(functionsEndpoint === undefined ? {} : { functionsEndpoint }),
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
    const settings = await localSettings(join(projectDir, 'infra/local/sluice.yaml'), settingsFile, {
      endpoint,
      fileManager: fileManager.url,
      distribution: await localDistribution(),
    });
    await createSurroundings(settings);
    const options = { projectDir, runDir, settingsFile, environment };
    await bootstrap(options);
    const outputs = await deploy(options);
    const stack = {
      endpoint,
      environment,
      outputs,
      policiesEnforced: enforceIam,
      fileManager: fileManager.url,
    };
    return { stack, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
