/** Uploads in parts that were begun: what a restart needs to go on where it stopped. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { PartResult } from '#core/ports.ts';
import type { Batch } from './index-batch.ts';
import { numbersOf } from './index-versions.ts';
import type { Fingerprint } from './tree.ts';

export interface UploadRow extends Fingerprint {
  folder: string;
  path: Buffer;
  key: string;
  uploadId: string;
  partBytes: number;
  /** Confirmed by the store, by part number. */
  parts: PartResult[];
}

export interface OpenUploads {
  upload(folder: string, path: Buffer): UploadRow | undefined;
  /** Replaces the one before of this path. On disk when it returns. */
  beginUpload(row: UploadRow): void;
  /** On disk when it returns: a part that is sent again costs more than waiting for the disk. */
  addPart(folder: string, path: Buffer, part: PartResult): void;
  endUpload(folder: string, path: Buffer): void;
  /** In byte order of path. */
  uploads(folder: string): UploadRow[];
}

const COLUMNS = 'folder, path, dev, ino, size, mtime_ns, ctime_ns, key, upload_id, part_bytes';

export function openUploads(database: DatabaseSync, batch: Batch): OpenUploads {
  const statements = {
    get: database.prepare(`SELECT ${COLUMNS} FROM uploads WHERE folder = ? AND path = ?`),
    all: database.prepare(`SELECT ${COLUMNS} FROM uploads WHERE folder = ? ORDER BY path`),
    put: database.prepare(`INSERT OR REPLACE INTO uploads (${COLUMNS}) VALUES (${'?, '.repeat(9)}?)`),
    remove: database.prepare('DELETE FROM uploads WHERE folder = ? AND path = ?'),
    parts: database.prepare(
      'SELECT part_number, etag FROM parts WHERE folder = ? AND path = ? ORDER BY part_number',
    ),
    putPart: database.prepare(
      'INSERT OR REPLACE INTO parts (folder, path, part_number, etag) VALUES (?, ?, ?, ?)',
    ),
    removeParts: database.prepare('DELETE FROM parts WHERE folder = ? AND path = ?'),
  };
  for (const statement of Object.values(statements)) statement.setReadBigInts(true);

  function uploadOf(values: Record<string, SQLOutputValue>): UploadRow {
    const folder = values.folder as string;
    const path = Buffer.from(values.path as Uint8Array);
    return {
      folder,
      path,
      ...numbersOf(values),
      key: values.key as string,
      uploadId: values.upload_id as string,
      partBytes: Number(values.part_bytes),
      parts: statements.parts
        .all(folder, path)
        .map((part) => ({ partNumber: Number(part.part_number), etag: part.etag as string })),
    };
  }

  function putPart(folder: string, path: Buffer, { partNumber, etag }: PartResult): void {
    statements.putPart.run(folder, path, partNumber, etag);
  }

  return {
    upload: (folder, path) =>
      batch.read(() => {
        const values = statements.get.get(folder, path);
        return values === undefined ? undefined : uploadOf(values);
      }),
    beginUpload: (row) =>
      batch.writeNow(() => {
        const { folder, path, dev, ino, sizeBytes, mtimeNs, ctimeNs, key, uploadId, partBytes } = row;
        const file = [BigInt.asIntN(64, dev), BigInt.asIntN(64, ino), sizeBytes, mtimeNs, ctimeNs];
        statements.removeParts.run(folder, path);
        statements.put.run(folder, path, ...file, key, uploadId, partBytes);
        for (const part of row.parts) putPart(folder, path, part);
      }),
    addPart: (folder, path, part) => batch.writeNow(() => putPart(folder, path, part)),
    endUpload: (folder, path) =>
      batch.write(() => {
        statements.remove.run(folder, path);
        statements.removeParts.run(folder, path);
      }),
    uploads: (folder) => batch.read(() => statements.all.all(folder).map(uploadOf)),
  };
}
