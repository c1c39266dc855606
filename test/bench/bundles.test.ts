import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bundlePair, coldStart, FUNCTIONS } from './bundles.ts';

const directory = mkdtempSync(join(tmpdir(), 'sluice-bundles-'));

afterAll(() => rmSync(directory, { recursive: true }));

test.for(FUNCTIONS)('$name starts as it is bundled, and so does its empty twin', ({ name, batch }) => {
  const { file, twin, startBytes, bytes } = bundlePair(name, directory);
  expect(startBytes).toBeGreaterThan(0);
  expect(bytes).toBeGreaterThanOrEqual(startBytes);
  for (const [path, takesBatch] of [
    [file, batch],
    [twin, false],
  ] as const) {
    expect(coldStart(path, { batch: takesBatch }).cpuS).toBeGreaterThan(0);
  }
});
