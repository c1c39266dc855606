import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLeases } from '../../edge-agent/leases.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';

const { O_NONBLOCK, O_WRONLY } = constants;

function leased() {
  const leases = createLeases();
  onTestFinished(() => leases.close());
  return (name: string) => {
    const file = join(temporaryFolder(), name);
    writeFileSync(file, 'content');
    const fd = openSync(file, 'r');
    const lease = leases.take(fd);
    if (typeof lease === 'string') throw new Error(lease);
    return { fd, lease, write: () => closeSync(openSync(file, O_WRONLY | O_NONBLOCK)) };
  };
}

test('a writer gets the file when the descriptor of a released lease is closed, and not before', () => {
  const { fd, lease, write } = leased()('f');
  lease.release();
  expect(write).toThrow('EAGAIN');
  closeSync(fd);
  expect(write).not.toThrow();
});

test('a writer gets a file that is still being read as soon as it asks; a lease that was released is not looked at', async () => {
  const open = leased();
  const released = open('released');
  const { fd, lease, write } = open('f');
  released.lease.release();
  closeSync(released.fd);
  expect(write).toThrow('EAGAIN');
  await expect.poll(write).toBeUndefined();
  expect(lease.broken).toBe(true);
  closeSync(fd);
});
