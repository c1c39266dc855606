/** Rows of an index, and a look at its file from outside. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type HostIndex, type IndexRow, openIndex } from '#adapters/host/index-db.ts';
import { temporaryFolder } from './folder.ts';

export const FINGERPRINT = {
  dev: 2n ** 64n - 1n,
  ino: 2n ** 63n + 5n,
  sizeBytes: 5_000_000_000_000,
  mtimeNs: 1_763_000_000_123_456_789n,
  ctimeNs: 1_763_000_000_987_654_321n,
};

export function rowOf(path: string | Buffer = 'a', change: Partial<IndexRow> = {}): IndexRow {
  return {
    folder: 'out',
    path: Buffer.from(path),
    ...FINGERPRINT,
    md5: 'd41d8cd98f00b204e9800998ecf8427e',
    etag: 'e',
    versionId: 'v',
    partBytes: 0,
    state: 'synced',
    attempts: 0,
    nextAttemptMs: 0,
    lastError: '',
    ...change,
  };
}

export function rowsOnDisk(file: string): number {
  const reader = new DatabaseSync(file, { readOnly: true });
  try {
    return Number(reader.prepare('SELECT count(*) AS count FROM files').get()?.count);
  } finally {
    reader.close();
  }
}

/** A closed index of a thousand files that had been looked at completely. */
export function settledIndex(): string {
  const file = join(temporaryFolder(), 'index.db');
  const index = openIndex(file);
  for (let n = 0; n < 1000; n++) index.put(rowOf(`file-${n}`, { etag: `etag-of-${n}` }));
  index.completed();
  index.close();
  return file;
}

export function reopen<T>(file: string, look: (index: HostIndex) => T): T {
  const index = openIndex(file);
  try {
    return look(index);
  } finally {
    index.close();
  }
}
