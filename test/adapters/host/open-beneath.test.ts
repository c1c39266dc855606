import { closeSync, constants, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openBeneath, openStepwise } from '#adapters/host/open-beneath.ts';
import { temporaryFolder } from './folder.ts';

function tree() {
  const outside = temporaryFolder();
  writeFileSync(join(outside, 'secret'), 'secret');
  const root = temporaryFolder();
  mkdirSync(join(root, 'a'));
  writeFileSync(join(root, 'a/f'), 'inside');
  symlinkSync('a/f', join(root, 'link'));
  symlinkSync('a', join(root, 'linked-directory'));
  symlinkSync(join(outside, 'secret'), join(root, 'out'));
  symlinkSync(outside, join(root, 'out-directory'));
  const rootFd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  onTestFinished(() => closeSync(rootFd));
  return rootFd;
}

const strictly = { openBeneath: (fd: number, path: Buffer) => openBeneath(fd, path, false), openStepwise };

it.each(Object.entries(strictly))('%s reads what is in the folder and follows no link', (_name, open) => {
  const rootFd = tree();
  const fd = open(rootFd, Buffer.from('a/f'));
  expect(readFileSync(fd, 'utf8')).toBe('inside');
  closeSync(fd);
  for (const path of [
    'link',
    'linked-directory/f',
    'out',
    'out-directory/secret',
    '../x',

    'a/none',
  ]) {
    expect(() => open(rootFd, Buffer.from(path)), path).toThrow(/ELOOP|ENOTDIR|EXDEV|ENOENT/);
  }
});

it('follows links only below the folder when asked to', () => {
  const rootFd = tree();
  for (const path of ['link', 'linked-directory/f']) {
    const fd = openBeneath(rootFd, Buffer.from(path), true);
    expect(readFileSync(fd, 'utf8')).toBe('inside');
    closeSync(fd);
  }
  for (const path of ['out', 'out-directory/secret', '../x']) {
    expect(() => openBeneath(rootFd, Buffer.from(path), true), path).toThrow(/EXDEV/);
  }
});
