import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { leaseBroken, onLeaseBreak, releaseLease, takeReadLease } from '#adapters/host/lease.ts';
import { startChild, temporaryFolder } from './folder.ts';

const WRITER = `
  const [file] = process.argv.slice(1);
  const fd = fs.openSync(file, 'r+');
  console.log('open');
  process.stdin.once('data', () => { fs.closeSync(fd); console.log('closed'); });
`;

function openForLease(file: string): number {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(fd));
  return fd;
}

function fileWith(content: string): string {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, content);
  return file;
}

test('a lease is held on a file that nobody writes', () => {
  const fd = openForLease(fileWith('x'));
  expect(takeReadLease(fd)).toBe('held');
  expect(leaseBroken(fd)).toBe(false);
});

test('a lease is refused while another process has the file open for writing, and given after', async () => {
  const file = fileWith('x');
  const writer = startChild(WRITER, file);
  expect(await writer.line()).toBe('open');
  const fd = openForLease(file);
  expect(takeReadLease(fd)).toBe('busy');
  writer.say('close');
  expect(await writer.line()).toBe('closed');
  expect(takeReadLease(fd)).toBe('held');
});

test('a lease breaks when another process opens the file for writing, and the writer goes on once it is released', async () => {
  const file = fileWith('x');
  const fd = openForLease(file);
  expect(takeReadLease(fd)).toBe('held');
  const broken = new Promise<void>((resolve) => {
    onTestFinished(onLeaseBreak(resolve));
  });
  const writer = startChild(WRITER, file);
  await broken;
  expect(leaseBroken(fd)).toBe(true);
  releaseLease(fd);
  expect(await writer.line()).toBe('open');
});

test('a reader does not break a lease', async () => {
  const file = fileWith('x');
  const fd = openForLease(file);
  expect(takeReadLease(fd)).toBe('held');
  const reader = startChild(`fs.readFileSync(process.argv[1]); console.log('read');`, file);
  expect(await reader.line()).toBe('read');
  expect(leaseBroken(fd)).toBe(false);
});

test('what has no leases says so, and releasing what is not held is no error', () => {
  const fd = openForLease('/dev/null');
  expect(takeReadLease(fd)).toBe('unsupported');
  expect(() => releaseLease(fd)).not.toThrow();
  expect(() => releaseLease(openForLease(fileWith('x')))).not.toThrow();
});
