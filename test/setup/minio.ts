/** A MinIO for the suites that otherwise run on the emulator; the emulator beside it is for CloudFront alone. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { SyncError } from '#core/errors.ts';
import { inheritedEnvironment, startEmulator } from '../../infra/local/emulator.ts';
import { claimPort } from '../../infra/local/port.ts';
import { type ProcessGroup, startProcessGroup } from '../../infra/local/process-group.ts';
import { minioProgram } from './minio-build.ts';

declare module 'vitest' {
  interface ProvidedContext {
    storeCredentials: { accessKeyId: string; secretAccessKey: string } | undefined;
    cdnEndpoint: string | undefined;
  }
}

const HEALTHY_WITHIN_MS = 60_000;
const PROBE_EVERY_MS = 100;
const STOP_GRACE_MS = 5_000;

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
    const port = await claimPort(0);
    const logFile = join(runDir, 'minio.log');
    const minio = startMinio(program, join(runDir, 'data'), port, logFile, storeCredentials);
    stops.push(() => minio.stop(STOP_GRACE_MS));
    const endpoint = `http://127.0.0.1:${port}`;
    await untilHealthy(endpoint, minio, logFile);

    const localDir = join(projectDir, '.sluice/local');
    const emulator = await startEmulator({ projectDir, localDir, runDir: join(runDir, 'emulator'), port: 0 });
    stops.push(emulator.stop);
    project.provide('endpoint', endpoint);
    project.provide('storeCredentials', storeCredentials);
    project.provide('cdnEndpoint', emulator.endpoint);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

function startMinio(
  program: string,
  dataDir: string,
  port: number,
  logFile: string,
  credentials: { accessKeyId: string; secretAccessKey: string },
): ProcessGroup {
  const log = openSync(logFile, 'w');
  try {
    return startProcessGroup(program, ['server', dataDir, '--address', `127.0.0.1:${port}`, '--quiet'], {
      cwd: join(dataDir, '..'),
      output: log,
      environment: {
        ...inheritedEnvironment(),
        MINIO_ROOT_USER: credentials.accessKeyId,
        MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
        MINIO_BROWSER: 'off',
        // A key of its own, so that SSE-S3 and SSE-KMS can be tested.
        MINIO_KMS_SECRET_KEY: `sluice-key:${randomBytes(32).toString('base64')}`,
        MINIO_CI_CD: 'on',
      },
    });
  } finally {
    closeSync(log);
  }
}

/** https://github.com/minio/minio/blob/master/docs/metrics/healthcheck/README.md */
async function untilHealthy(endpoint: string, minio: ProcessGroup, logFile: string): Promise<void> {
  let end: number | string | undefined;
  void minio.ended.then((how) => {
    end = how;
  });
  const deadline = Date.now() + HEALTHY_WITHIN_MS;
  while (!(await answers(`${endpoint}/minio/health/live`))) {
    if (end !== undefined || Date.now() > deadline) {
      throw new SyncError(`MinIO ${end === undefined ? 'did not answer' : `ended (${end})`}`, {
        op: 'start-minio',
        retryable: false,
        hint: (await readFile(logFile, 'utf8')).trim().split('\n').slice(-5).join('\n'),
      });
    }
    await delay(PROBE_EVERY_MS);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch (error) {
    // What fetch throws while nobody listens.
    if (!(error instanceof TypeError)) throw error;
    return false;
  }
}
