/** A MinIO for the suites that otherwise run on the emulator; the emulator beside it is for CloudFront alone. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmulator } from '../../infra/local/emulator.ts';
import { minioProgram } from './minio-build.ts';
import { startMinio } from './minio-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    storeCredentials: { accessKeyId: string; secretAccessKey: string } | undefined;
    cdnEndpoint: string | undefined;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const projectDir = join(import.meta.dirname, '../..');
  const program = await minioProgram(join(projectDir, '.sluice'), (line) =>
    process.stdout.write(`${line}\n`),
  );
  const runDir = await mkdtemp(join(tmpdir(), 'sluice-minio-'));
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const one of stops.toReversed()) await one();
    await rm(runDir, { recursive: true, force: true });
  };
  try {
    const storeCredentials = { accessKeyId: 'sluice', secretAccessKey: randomBytes(20).toString('hex') };
    const minio = await startMinio(program, runDir, storeCredentials);
    stops.push(minio.stop);

    const localDir = join(projectDir, '.sluice/local');
    const emulator = await startEmulator({ projectDir, localDir, runDir: join(runDir, 'emulator'), port: 0 });
    stops.push(emulator.stop);
    project.provide('endpoint', minio.endpoint);
    project.provide('storeCredentials', storeCredentials);
    project.provide('cdnEndpoint', emulator.endpoint);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}
