/** What the log says of a file that could not be brought where it belongs, and when it is tried again. */
import { expect, it, onTestFinished } from 'vitest';
import { createFolderWork, NO_OBJECT } from '../../edge-agent/folder-work.ts';
import type { FileContext } from '../../edge-agent/settled-file.ts';
import { receiveSetup } from './receive-setup.ts';

const PATH = Buffer.from('d/f');

/** A folder whose files cannot be read. */
function failing() {
  const { context, root, index, lines } = receiveSetup({ mode: 'mirror' });
  const file: FileContext = {
    ...context,
    root: { path: Buffer.from(root), fd: -1 },
    stopping: new AbortController().signal,
    withoutLease: () => undefined,
  };
  const work = createFolderWork(file, () => Promise.reject(new Error('EIO: i/o error, read')));
  onTestFinished(() => work.stop());
  const tried = async () => {
    work.mark(PATH);
    const failures = () => lines.filter(({ message }) => message === 'EIO: i/o error, read');
    await expect.poll(failures).not.toEqual([]);
    return failures()[0];
  };
  const attempts = (count: number) =>
    index.put({
      ...{ ...NO_OBJECT, folder: 'in', path: PATH, state: 'waiting' },
      ...{ attempts: count, nextAttemptMs: 0, lastError: '' },
    });
  return { work, tried, attempts };
}

it('names the file and its folder when it fails', async () => {
  expect(await failing().tried()).toMatchObject({ level: 'WARN', key: 'in/d/f', folder: 'in' });
});

it('waits longer the more often a file has failed', async () => {
  const { tried, attempts } = failing();
  attempts(9);
  const { retryInMs } = { ...(await tried()) };
  expect(retryInMs).toBeGreaterThan(10_000);
});

it('does not wait in a pass for what earlier passes have tried', async () => {
  const { work, tried, attempts } = failing();
  work.begin(3);
  attempts(9);
  expect(await tried()).toMatchObject({
    attempts: 10,
    retryInMs: expect.toSatisfy((ms: number) => ms <= 1_000),
  });
});
