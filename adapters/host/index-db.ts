/**
 * The index: what was verified, and what waits. It is no queue: whatever is lost from it is found again by comparing
 * the folder with the bucket. WAL with synchronous=FULL, because NORMAL loses acknowledged commits on power loss.
 * https://sqlite.org/pragma.html#pragma_synchronous
 */
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { SyncError } from '#core/errors.ts';
import { indexError, openDatabase } from './index-file.ts';

export interface IndexRow {
  folder: string;
  /** Relative to the folder's root, in bytes. */
  path: Buffer;
  dev: bigint;
  ino: bigint;
  sizeBytes: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
  /** Hex; empty until known, as are `etag`, `versionId` and `lastError`. */
  md5: string;
  etag: string;
  versionId: string;
  state: 'synced' | 'waiting' | 'parked';
  attempts: number;
  nextAttemptMs: number;
  lastError: string;
}

/** Every method throws `SyncError` (op `index`) when the database fails, also for rows of an earlier commit. */
export interface HostIndex {
  /** Set when the file was damaged, moved aside and begun afresh: what to log. */
  readonly quarantined: SyncError | undefined;
  get(folder: string, path: Buffer): IndexRow | undefined;
  /** Seen by `get` at once; on disk after the tick, after 100 rows or after `flush`, whichever is first. */
  put(row: IndexRow): void;
  remove(folder: string, path: Buffer): void;
  /** Rows in state `waiting` or `parked`, the one due first first. */
  unsettled(folder: string): IndexRow[];
  counts(folder: string): Record<IndexRow['state'], number>;
  flush(): void;
  close(): void;
}

const BATCH_ROWS = 100;
const COLUMNS = `folder, path, dev, ino, size, mtime_ns, ctime_ns, md5, etag, version_id, state, attempts,
  next_attempt_ms, last_error`;

/**
 * Opens or creates the index. Throws `SyncError` `IndexTooNew` when a newer Sluice wrote it and `IndexForeign` when it
 * is another program's database; both leave the file as it is.
 */
export function openIndex(file: string): HostIndex {
  const { database, quarantined } = openDatabase(file);
  const statements = prepare(database);
  let pendingRows = 0;
  let planned: NodeJS.Immediate | undefined;
  let failure: SyncError | undefined;

  function guarded<T>(action: () => T): T {
    if (failure !== undefined) {
      const earlier = failure;
      failure = undefined;
      throw earlier;
    }
    try {
      return action();
    } catch (error) {
      throw indexError(file, error);
    }
  }

  function write(action: () => void): void {
    guarded(() => {
      if (pendingRows === 0) database.exec('BEGIN IMMEDIATE');
      pendingRows++;
      action();
      if (pendingRows >= BATCH_ROWS) commit();
      else planned ??= setImmediate(commitLater);
    });
  }

  function commit(): void {
    if (planned !== undefined) clearImmediate(planned);
    planned = undefined;
    if (pendingRows === 0) return;
    pendingRows = 0;
    try {
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Nobody is there to catch it, so the next call throws it. */
  function commitLater(): void {
    planned = undefined;
    try {
      commit();
    } catch (error) {
      failure = indexError(file, error);
    }
  }

  return {
    quarantined,
    get: (folder, path) =>
      guarded(() => {
        const row = statements.get.get(folder, path);
        return row === undefined ? undefined : rowOf(row);
      }),
    put: (row) => write(() => statements.put.run(...valuesOf(row))),
    remove: (folder, path) => write(() => statements.remove.run(folder, path)),
    unsettled: (folder) => guarded(() => statements.unsettled.all(folder).map(rowOf)),
    counts: (folder) =>
      guarded(() => {
        const counts = { synced: 0, waiting: 0, parked: 0 };
        for (const { state, count } of statements.counts.all(folder)) {
          counts[state as IndexRow['state']] = Number(count);
        }
        return counts;
      }),
    flush: () => guarded(commit),
    close() {
      try {
        guarded(commit);
      } finally {
        database.close();
      }
    },
  };
}

function prepare(database: DatabaseSync) {
  const statements = {
    get: database.prepare(`SELECT ${COLUMNS} FROM files WHERE folder = ? AND path = ?`),
    put: database.prepare(`INSERT OR REPLACE INTO files (${COLUMNS}) VALUES (${'?, '.repeat(13)}?)`),
    remove: database.prepare('DELETE FROM files WHERE folder = ? AND path = ?'),
    unsettled: database.prepare(
      `SELECT ${COLUMNS} FROM files WHERE folder = ? AND state <> 'synced' ORDER BY next_attempt_ms, path`,
    ),
    counts: database.prepare('SELECT state, count(*) AS count FROM files WHERE folder = ? GROUP BY state'),
  };
  for (const statement of Object.values(statements)) statement.setReadBigInts(true);
  return statements;
}

/** SQLite's integers are signed; device and inode numbers are not. */
function valuesOf(row: IndexRow): SQLInputValue[] {
  return [
    row.folder,
    row.path,
    BigInt.asIntN(64, row.dev),
    BigInt.asIntN(64, row.ino),
    row.sizeBytes,
    row.mtimeNs,
    row.ctimeNs,
    row.md5,
    row.etag,
    row.versionId,
    row.state,
    row.attempts,
    Math.round(row.nextAttemptMs),
    row.lastError,
  ];
}

function rowOf(row: Record<string, SQLOutputValue>): IndexRow {
  const integer = (name: string) => row[name] as bigint;
  return {
    folder: row.folder as string,
    path: Buffer.from(row.path as Uint8Array),
    dev: BigInt.asUintN(64, integer('dev')),
    ino: BigInt.asUintN(64, integer('ino')),
    sizeBytes: Number(integer('size')),
    mtimeNs: integer('mtime_ns'),
    ctimeNs: integer('ctime_ns'),
    md5: row.md5 as string,
    etag: row.etag as string,
    versionId: row.version_id as string,
    state: row.state as IndexRow['state'],
    attempts: Number(integer('attempts')),
    nextAttemptMs: Number(integer('next_attempt_ms')),
    lastError: row.last_error as string,
  };
}
