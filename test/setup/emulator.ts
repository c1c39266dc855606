/** Starts one emulator for all suites that need an S3 server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmulator } from '../../infra/local/emulator.ts';

declare module 'vitest' {
  interface ProvidedContext {
    endpoint: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const projectDir = join(import.meta.dirname, '../..');
  const runDir = await mkdtemp(join(tmpdir(), 'sluice-emulator-'));
  const emulator = await startEmulator({
    projectDir,
    localDir: join(projectDir, '.sluice/local'),
    runDir,
    port: 0,
  });
  process.env.SLUICE_TEST_ENDPOINT = emulator.endpoint;
  project.provide('endpoint', emulator.endpoint);
  return async () => {
    await emulator.stop();
    await rm(runDir, { recursive: true, force: true });
  };
}
