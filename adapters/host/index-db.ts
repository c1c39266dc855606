/**
 * The index: what was verified, and what waits. It is no queue: whatever is lost from it is found again by comparing
 * the folder with the bucket. WAL with synchronous=FULL, because NORMAL loses acknowledged commits on power loss.
 * https://sqlite.org/pragma.html#pragma_synchronous
 */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { SyncError } from '#core/errors.ts';
import { createBatch } from './index-batch.ts';
import { Damage } from './index-error.ts';
import { NOTE, openBeside, openDatabase } from './index-file.ts';
import { openRequests, type Requests } from './index-requests.ts';
import { type IndexRow, PUT_ROW, ROW_COLUMNS, rowOf, valuesOf } from './index-row.ts';
import { ROW_INODE } from './index-schema.ts';
import { type OpenUploads, openUploads } from './index-uploads.ts';
import { openSending, type Sending } from './sending.ts';
import { inodeStampOf } from './stamp.ts';

export type { IndexRow } from './index-row.ts';

/**
 * Every method throws `SyncError` (op `index`) when the database fails; those that write, and `takeRequests`, also when an
 * earlier commit did: whoever only reads, as when an event comes, is not to end for that. What is put, removed or noted
 * soon while the disk has no room is known to this process all the same, and on the disk when there is room again.
 * `IndexFull` and `IndexFailed` are worth another try; after `IndexCorrupt` the process must start anew.
 */
export interface HostIndex extends OpenUploads, Requests {
  readonly file: string;
  /** What is in flight, beside the rows. */
  readonly sending: Sending;
  /** Set when the file was damaged, moved aside and begun afresh: what to log. */
  readonly quarantined: SyncError | undefined;
  /**
   * Until `completed`, also after a restart: `first` for an index that never was before, `rebuilt` for one that was
   * lost or damaged. Without rows an absent file proves nothing: deletes wait.
   */
  readonly fresh: 'first' | 'rebuilt' | undefined;
  /** Every file has been looked at: the index is no longer fresh. */
  completed(): void;
  get(folder: string, path: Buffer): IndexRow | undefined;
  /** Seen by `get` at once; on disk within 50 ms, after 1,000 writes or after `flush`, whichever is first. */
  put(row: IndexRow): void;
  remove(folder: string, path: Buffer): void;
  /** Rows strictly below the directory (all when empty) in byte order of path. Rows may be written meanwhile. */
  below(folder: string, directory: Buffer): Iterable<IndexRow>;
  /** Rows of what is, or was, one file under several names. */
  byInode(folder: string, dev: bigint, ino: bigint): IndexRow[];
  /** Rows that are not `synced`, the one due first first. */
  unsettled(folder: string): IndexRow[];
  /** Makes every waiting row due; answers how many they are. */
  retryNow(folder: string): number;
  counts(folder: string): Record<IndexRow['state'], number>;
  /** Small facts, under names of the caller's choice. `undefined` forgets; on disk when `setNote` returns. */
  note(name: string): string | undefined;
  setNote(name: string, value: string | undefined): void;
  /** As `setNote`, and on disk when a row would be that is put now. */
  noteSoon(name: string, value: string | undefined): void;
  flush(): void;
  /** Gives back the memory of its cache: there is nothing to do for now. */
  rest(): void;
  close(): void;
}

/** Small, so that a pass over a million rows leaves little behind for the collector at any time. */
const PAGE_ROWS = 50;
const NOTHING = Buffer.alloc(0);

/**
 * Opens or creates the index. Throws `SyncError` `IndexTooNew` when a newer Sluice wrote it and `IndexForeign` when it
 * is another program's database; both leave the file as it is.
 *
 * @param options.beside for the command line, while an agent may run: nothing is created, checked or moved aside;
 *   `IndexAbsent` or `IndexTooOld` when the agent has yet to make it
 * @param options.onDamage called when it is found damaged while it is open: the process must start anew
 */
export function openIndex(
  file: string,
  { beside = false, onDamage = () => {} }: { beside?: boolean; onDamage?: (error: SyncError) => void } = {},
): HostIndex {
  const { database, quarantined } = beside
    ? { database: openBeside(file), quarantined: undefined }
    : openDatabase(file);
  const statements = prepare(database);
  const counters = new Map<string, Record<IndexRow['state'], number>>();
  const batch = createBatch(file, database, { onLost: () => counters.clear(), onDamage, owes: true });

  const sending = openSending(`${file}.sending`, () => batch.flush());

  function proven(values: Record<string, SQLOutputValue>): IndexRow {
    const row = rowOf(values);
    if (row !== 'damaged') return row;
    // Noted, so that the next start puts the file aside; nothing in it can be trusted for deletes.
    batch.writeNow(() => statements.setNote.run(NOTE.damaged, new Date().toISOString()));
    throw new Damage('a row is not what had been written');
  }

  function counted(folder: string, path: Buffer, by: 1 | -1, state?: IndexRow['state']): void {
    const counts = counters.get(folder);
    if (counts === undefined) return;
    const present = state ?? (statements.state.get(folder, path)?.state as IndexRow['state'] | undefined);
    if (present !== undefined) counts[present] += by;
  }

  function put(row: IndexRow): void {
    batch.write(() => {
      counted(row.folder, row.path, -1);
      statements.put.run(...valuesOf(row));
      counted(row.folder, row.path, 1, row.state);
    });
  }

  function* below(folder: string, directory: Buffer): Iterable<IndexRow> {
    const [start, end] = directory.length === 0 ? [NOTHING, undefined] : boundsOf(directory);
    for (let after = start; ; ) {
      const page = batch.read(() => {
        const rows =
          end === undefined
            ? statements.after.all(folder, after, PAGE_ROWS)
            : statements.between.all(folder, after, end, PAGE_ROWS);
        return rows.map(proven);
      });
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      after = last.path;
    }
  }

  function unsettled(folder: string): IndexRow[] {
    return batch.read(() => statements.unsettled.all(folder).map(proven));
  }

  function note(name: string): string | undefined {
    return batch.read(() => statements.note.get(name)?.value as string | undefined);
  }

  function writeNote(name: string, value: string | undefined): void {
    if (value === undefined) statements.removeNote.run(name);
    else statements.setNote.run(name, value);
  }

  function setNote(name: string, value: string | undefined): void {
    batch.writeNow(() => writeNote(name, value));
  }

  return {
    file,
    sending,
    quarantined,
    get fresh() {
      return note(NOTE.fresh) as HostIndex['fresh'];
    },
    completed: () => setNote(NOTE.fresh, undefined),
    get: (folder, path) =>
      batch.read(() => {
        const values = statements.get.get(folder, path);
        return values === undefined ? undefined : proven(values);
      }),
    put,
    remove: (folder, path) =>
      batch.write(() => {
        counted(folder, path, -1);
        statements.remove.run(folder, path);
      }),
    below,
    byInode: (folder, dev, ino) =>
      batch.read(() => statements.byInode.all(inodeStampOf(dev, ino), folder).map(proven)),
    unsettled,
    retryNow: (folder) => {
      const waiting = unsettled(folder).filter(({ state }) => state === 'waiting');
      for (const row of waiting) put({ ...row, nextAttemptMs: 0 });
      batch.flush();
      return waiting.length;
    },
    counts: (folder) => {
      const known = counters.get(folder) ?? batch.read(() => countRows(statements.counts, folder));
      // Another process may write too, so only the agent's own count is worth keeping.
      if (!beside) counters.set(folder, known);
      return { ...known };
    },
    note,
    setNote,
    noteSoon: (name, value) => batch.write(() => writeNote(name, value)),
    ...openUploads(database, batch),
    ...openRequests(database, batch),
    flush: () => batch.flush(),
    // https://sqlite.org/pragma.html#pragma_shrink_memory
    rest: () => batch.read(() => database.exec('PRAGMA shrink_memory')),
    close() {
      try {
        batch.flush();
        sending.close();
      } finally {
        database.close();
      }
    },
  };
}

/** Every path below the directory starts with it and a slash; `0` is the byte after the slash. */
function boundsOf(directory: Buffer): [Buffer, Buffer] {
  return [Buffer.concat([directory, Buffer.from('/')]), Buffer.concat([directory, Buffer.from('0')])];
}

function countRows(statement: ReturnType<DatabaseSync['prepare']>, folder: string) {
  const counts = { synced: 0, waiting: 0, parked: 0, held: 0 };
  for (const { state, count } of statement.all(folder)) counts[state as IndexRow['state']] = Number(count);
  return counts;
}

function prepare(database: DatabaseSync) {
  const select = `SELECT ${ROW_COLUMNS} FROM files WHERE`;
  const statements = {
    get: database.prepare(`${select} folder = ? AND path = ?`),
    state: database.prepare('SELECT state FROM files WHERE folder = ? AND path = ?'),
    put: database.prepare(PUT_ROW),
    remove: database.prepare('DELETE FROM files WHERE folder = ? AND path = ?'),
    after: database.prepare(`${select} folder = ? AND path > ? ORDER BY path LIMIT ?`),
    between: database.prepare(`${select} folder = ? AND path > ? AND path < ? ORDER BY path LIMIT ?`),
    byInode: database.prepare(`${select} ${ROW_INODE} = ? AND folder = ? ORDER BY path`),
    unsettled: database.prepare(`${select} folder = ? AND state <> 'synced' ORDER BY next_attempt_ms, path`),
    counts: database.prepare('SELECT state, count(*) AS count FROM files WHERE folder = ? GROUP BY state'),
    note: database.prepare('SELECT value FROM notes WHERE name = ?'),
    setNote: database.prepare('INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)'),
    removeNote: database.prepare('DELETE FROM notes WHERE name = ?'),
  };
  for (const statement of Object.values(statements)) statement.setReadBigInts(true);
  return statements;
}
