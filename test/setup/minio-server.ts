/** One MinIO process with a data directory of its own. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SyncError } from '#core/errors.ts';
import { inheritedEnvironment } from '../../infra/local/emulator.ts';
import { claimPort } from '../../infra/local/port.ts';
import { type ProcessGroup, startProcessGroup } from '../../infra/local/process-group.ts';

export interface Minio {
  endpoint: string;
  stop(): Promise<void>;
}

const HEALTHY_WITHIN_MS = 60_000;
const PROBE_EVERY_MS = 100;
const STOP_GRACE_MS = 5_000;

/** Resolves when it answers; `settings` are environment variables of its own, such as a webhook. */
export async function startMinio(
  program: string,
  runDir: string,
  credentials: { accessKeyId: string; secretAccessKey: string },
  settings: Readonly<Record<string, string>> = {},
): Promise<Minio> {
  const port = await claimPort(0);
  const logFile = join(runDir, 'minio.log');
  const group = startProgram(program, runDir, port, logFile, {
    MINIO_ROOT_USER: credentials.accessKeyId,
    MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
    ...settings,
  });
  const stop = () => group.stop(STOP_GRACE_MS);
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await untilHealthy(endpoint, group, logFile);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, stop };
}

function startProgram(
  program: string,
  runDir: string,
  port: number,
  logFile: string,
  settings: Readonly<Record<string, string>>,
): ProcessGroup {
  const log = openSync(logFile, 'w');
  try {
    const args = ['server', join(runDir, 'data'), '--address', `127.0.0.1:${port}`, '--quiet'];
    return startProcessGroup(program, args, {
      cwd: runDir,
      output: log,
      environment: {
        ...inheritedEnvironment(),
        MINIO_BROWSER: 'off',
        // A key of its own, so that SSE-S3 and SSE-KMS can be tested.
        MINIO_KMS_SECRET_KEY: `sluice-key:${randomBytes(32).toString('base64')}`,
        MINIO_CI_CD: 'on',
        ...settings,
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
