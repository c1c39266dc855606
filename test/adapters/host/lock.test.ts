import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockFolder } from '#adapters/host/lock.ts';
import { SyncError } from '#core/errors.ts';
import { startChild, temporaryFolder } from './folder.ts';

const LOCK_MODULE = new URL('../../../adapters/host/lock.ts', import.meta.url).href;

function refusal(file: string): SyncError {
  try {
    lockFolder(file);
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
  throw new Error('the lock was given');
}

test('a folder that is locked is refused twice, with a hint, and given again after its release', () => {
  const file = join(temporaryFolder(), 'lock');
  const release = lockFolder(file);
  for (const _ of ['first', 'second']) {
    expect(refusal(file)).toMatchObject({
      code: 'Locked',
      retryable: false,
      message: expect.stringContaining(`process ${process.pid}`),
      hint: expect.stringContaining('Another agent holds this folder'),
    });
  }
  release();
  release();
  lockFolder(file)();
});

test('a lock of another process is respected, and goes with that process', async () => {
  const file = join(temporaryFolder(), 'lock');
  const holder = startChild(
    `import(process.argv[1]).then(({ lockFolder }) => {
      lockFolder(process.argv[2]);
      console.log(process.pid);
      process.stdin.once('data', () => process.kill(process.pid, 'SIGKILL'));
    });`,
    LOCK_MODULE,
    file,
  );
  const pid = await holder.line();
  expect(refusal(file).message).toContain(`process ${pid}`);
  holder.say('die');
  await expect(holder.line()).rejects.toThrow('ended');
  lockFolder(file)();
});

test('a claim that fails after the lock was had keeps nobody out: the next try fails for the same reason', () => {
  // A device can be locked, and not be shortened.
  for (const _ of ['first', 'second']) expect(() => lockFolder('/dev/full')).toThrow(/EINVAL/);
});
