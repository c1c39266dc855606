/** A folder with an age at which its files go, on a real file system, with a store that is told when to fail. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { statOf } from '#adapters/host/tree.ts';
import { appendFile } from '../../edge-agent/append-file.ts';
import { createExpiry } from '../../edge-agent/expire.ts';
import type { FileContext } from '../../edge-agent/settled-file.ts';
import { receiveSetup } from './receive-setup.ts';

export function expirySetup(folder: Record<string, unknown> = {}, skewMs?: () => number | undefined) {
  const setup = receiveSetup({ retention: { olderThan: '1d' }, ...folder });
  const stopping = new AbortController();
  const fd = openSync(setup.root, 'r');
  onTestFinished(() => closeSync(fd));
  const root = { path: Buffer.from(setup.root), fd };
  const expiry = createExpiry(setup.context, {
    root,
    stopping: stopping.signal,
    ...(skewMs === undefined ? {} : { skewMs }),
  });
  const files: FileContext = {
    ...setup.context,
    root,
    stopping: stopping.signal,
    withoutLease: () => undefined,
  };
  return { ...setup, expiry, stopping, append: (name: string) => appendFile(files, Buffer.from(name)) };
}

/** A file that is in bucket and index, as an upload leaves it. */
export async function synced(setup: ReturnType<typeof expirySetup>, name: string, content = 'content') {
  const { path, put, index } = setup;
  writeFileSync(path(name), content);
  const { etag } = await put(name, content);
  const { dev, ino, sizeBytes, mtimeNs, ctimeNs } = statOf(Buffer.from(path(name)));
  index.put({
    ...{ folder: 'in', path: Buffer.from(name), dev, ino, sizeBytes, mtimeNs, ctimeNs },
    ...{ md5: etag, etag, versionId: '', partBytes: 0 },
    ...{ state: 'synced', attempts: 0, nextAttemptMs: 0, lastError: '' },
  });
}
