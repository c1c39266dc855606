/** Rows of an index, and a look at its file from outside. */
import { DatabaseSync } from 'node:sqlite';
import type { IndexRow } from '#adapters/host/index-db.ts';

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
