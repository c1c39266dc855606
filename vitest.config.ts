import { defineConfig } from 'vitest/config';

/** Three suites: what needs nothing, what needs an S3 server (the emulator), and what needs the deployed stack. */
export default defineConfig({
  test: {
    reporters: ['default', './test/setup/counts-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          globalSetup: ['./test/setup/emulator.ts'],
          testTimeout: 60_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
