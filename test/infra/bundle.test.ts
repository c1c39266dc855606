import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleFunction } from '../../infra/bundle.ts';

const FUNCTIONS_DIR = join(import.meta.dirname, '../../functions');
const ENTRIES = readdirSync(FUNCTIONS_DIR).filter((file) =>
  readFileSync(join(FUNCTIONS_DIR, file), 'utf8').includes('export const handler'),
);

describe('the bundle of a function', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bundle-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each(ENTRIES)('has of zod what is quick to start, and messages in English only: %s', (entry) => {
    const { outputs } = bundleFunction(join('functions', entry), join(directory, entry));
    const zod = Object.values(outputs)
      .flatMap(({ inputs }) => Object.entries(inputs))
      .flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 && path.includes('/zod/') ? path : []));
    expect(zod.filter((path) => path.includes('/zod/v4/mini/'))).not.toEqual([]);
    expect(zod.filter((path) => path.includes('/zod/v4/classic/'))).toEqual([]);
    expect(zod.filter((path) => path.includes('/locales/')).map((path) => basename(path))).toEqual(['en.js']);
  });
});
