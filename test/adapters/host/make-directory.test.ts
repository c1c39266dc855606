import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { makeDirectory } from '#adapters/host/make-directory.ts';

let base: string;

beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'sluice-make-directory-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  base = made;
});

it('makes what is missing of a path, each with the mode, and takes what is there', () => {
  makeDirectory(join(base, 'a/b'), 0o700);
  makeDirectory(join(base, 'a/b'));
  for (const path of ['a', 'a/b']) expect(statSync(join(base, path)).mode & 0o777).toBe(0o700);
});

it('says that a file is in the way', () => {
  writeFileSync(join(base, 'file'), '');
  for (const path of ['file', 'file/below']) {
    expect(() => makeDirectory(join(base, path))).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  }
});

it('ends where nothing can be made, though the parent is there', () => {
  expect(() => makeDirectory('/proc/none/below')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
