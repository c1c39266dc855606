import { defineConfig } from 'vitest/config';

/** The suites and how their counts are told. */
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
          testTimeout: 60_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
