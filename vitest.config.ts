import { defineConfig } from 'vitest/config';

/** On the template deployed to an emulator; `e2e-iam` is the same with every policy enforced, over TLS. */
const endToEnd = {
  include: ['test/e2e/**/*.test.ts'],
  globalSetup: ['./test/setup/deployed.ts'],
  fileParallelism: false,
  testTimeout: 400_000,
  hookTimeout: 600_000,
};

export default defineConfig({
  test: {
    reporters: ['default', './test/setup/counts-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/minio/**'],
          globalSetup: ['./test/setup/emulator.ts'],
          testTimeout: 60_000,
          hookTimeout: 300_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'minio',
          include: [
            'test/minio/**/*.test.ts',
            'test/systems/**/*.test.ts',
            'test/adapters/s3/store.test.ts',
            'test/edge-agent/{move,mirror,append,receive}.test.ts',
          ],
          globalSetup: ['./test/setup/minio.ts'],
          testTimeout: 60_000,
          hookTimeout: 900_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'versity',
          include: [
            'test/minio/mirror.test.ts',
            'test/systems/{relic,syncd,signstash,file-sync-service}.test.ts',
            'test/adapters/s3/store.test.ts',
            'test/edge-agent/{move,mirror,append,receive}.test.ts',
          ],
          globalSetup: ['./test/setup/minio.ts'],
          testTimeout: 60_000,
          hookTimeout: 900_000,
        },
      },
      {
        extends: true,
        test: {
          ...endToEnd,
          name: 'e2e',
        },
      },
      {
        extends: true,
        test: {
          ...endToEnd,
          name: 'e2e-iam',
          // The first reads what the emulator recorded, which no policy allows; the others start an emulator of their own.
          exclude: ['test/e2e/cost.test.ts', 'test/e2e/npm-*.test.ts'],
        },
      },
    ],
  },
});
