import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createSharedSync } from '#adapters/host/shared-sync.ts';
import { temporaryFolder } from './folder.ts';

function setup() {
  const root = temporaryFolder();
  const begun: { fd: number; end(error?: Error): void }[] = [];
  const sync = createSharedSync(
    (fd) =>
      new Promise((resolve, reject) => {
        begun.push({ fd, end: (error) => (error === undefined ? resolve() : reject(error)) });
      }),
  );
  const open = (name = '') => {
    mkdirSync(join(root, name), { recursive: true });
    const fd = openSync(join(root, name), 'r');
    onTestFinished(() => closeSync(fd));
    return fd;
  };
  return { sync, begun, open };
}

it('begins no fsync before the one under way has ended, and one for all who asked meanwhile', async () => {
  const { sync, begun, open } = setup();
  const ended: string[] = [];
  const ask = (name: string) => sync(open()).then(() => void ended.push(name));
  const first = ask('first');
  await expect.poll(() => begun.length).toBe(1);
  const later = [ask('second'), ask('third')];
  begun[0]?.end();
  await first;
  expect(ended).toEqual(['first']);
  await expect.poll(() => begun.length).toBe(2);
  begun[1]?.end();
  await Promise.all(later);
  expect([begun.length, ended]).toEqual([2, ['first', 'second', 'third']]);
});

it('never lets one who asks after an fsync has begun go with it', async () => {
  const { sync, begun, open } = setup();
  const first = sync(open());
  await expect.poll(() => begun.length).toBe(1);
  let safe = false;
  const second = sync(open()).then(() => {
    safe = true;
  });
  begun[0]?.end();
  await first;
  await expect.poll(() => begun.length).toBe(2);
  expect(safe).toBe(false);
  begun[1]?.end();
  await second;
});

it('tells its failure to all who share it, and tries anew for the next', async () => {
  const { sync, begun, open } = setup();
  const failing = [sync(open()), sync(open())];
  await expect.poll(() => begun.length).toBe(1);
  const next = sync(open());
  begun[0]?.end(new Error('EIO'));
  const results = await Promise.allSettled(failing);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect.poll(() => begun.length).toBe(2);
  begun[1]?.end();
  await next;
});

it('keeps directories apart', async () => {
  const { sync, begun, open } = setup();
  const both = [sync(open('a')), sync(open('b'))];
  await expect.poll(() => begun.length).toBe(2);
  for (const { end } of begun) end();
  await Promise.all(both);
});
