/** One MinIO process with a data directory of its own. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type StoreServer, startStoreServer } from './store-server.ts';

/** Resolves when it answers; `settings` are environment variables of its own, such as a webhook. */
export function startMinio(
  program: string,
  runDir: string,
  credentials: { accessKeyId: string; secretAccessKey: string },
  settings: Readonly<Record<string, string>> = {},
): Promise<StoreServer> {
  return startStoreServer({
    title: 'MinIO',
    program,
    args: (address) => ['server', join(runDir, 'data'), '--address', address, '--quiet'],
    environment: {
      MINIO_ROOT_USER: credentials.accessKeyId,
      MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
      MINIO_BROWSER: 'off',
      // A key of its own, so that SSE-S3 and SSE-KMS can be tested.
      MINIO_KMS_SECRET_KEY: `sluice-key:${randomBytes(32).toString('base64')}`,
      MINIO_CI_CD: 'on',
      ...settings,
    },
    directory: runDir,
    logFile: join(runDir, 'minio.log'),
    // https://github.com/minio/minio/blob/master/docs/metrics/healthcheck/README.md
    healthPath: '/minio/health/live',
    healthy: (status) => status < 300,
  });
}
