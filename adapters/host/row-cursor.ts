/**
 * The rows of one folder in byte order of path, for a comparison with the tree: SQLite makes one run of bytes of many
 * rows, and bytes are compared, because an object for each of a million rows costs several times as much.
 */
import { DatabaseSync } from 'node:sqlite';
import { STAMP_BYTES } from './stamp.ts';

export interface RowCursor {
  /** Whether there are no more rows. */
  readonly ended: boolean;
  /** Of the present row, relative to the folder's root. */
  path(): Buffer;
  /** Below zero when the present row's path comes before this one, which a NUL ends; zero when they are equal. */
  compare(path: Buffer): number;
  /** Whether the present row is synced in exactly this state. */
  isSynced(stamp: Buffer): boolean;
  next(): void;
  close(): void;
}

const PAGE_ROWS = 1000;
/** A reader needs no more than the page it is at. */
const CACHE_KIB = 1024;
/** For the agent, which may be making the journal anew. */
const WAIT_MS = 5_000;
const SYNCED = 0x31;
/**
 * Path, NUL, stamp, and 1 or 0 for each row; the paths of one page are in order because those of the subquery are, and
 * `last` shows it. https://sqlite.org/lang_aggfunc.html#group_concat
 */
const PAGE = `SELECT
  CAST(group_concat(path || char(0) || stamp || (state = 'synced'), '') AS BLOB) AS rows, count(*) AS count,
  max(path) AS last
  FROM (SELECT path, stamp, state FROM files WHERE folder = ? AND path > ? ORDER BY path LIMIT ${PAGE_ROWS})`;

/** Reads beside the connection that writes, a page in each transaction: what is written meanwhile may be seen or not. */
export function openRowCursor(indexFile: string, folder: string): RowCursor {
  const database = new DatabaseSync(indexFile, { readOnly: true, timeout: WAIT_MS });
  database.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
  const statement = database.prepare(PAGE);
  let page: Uint8Array = new Uint8Array(0);
  let at = 0;
  let last: Uint8Array = new Uint8Array(0);
  let more = true;
  let ended = false;

  function load(): void {
    const values = more ? statement.get(folder, last) : undefined;
    more = values?.count === PAGE_ROWS;
    page = (values?.rows as Uint8Array | null | undefined) ?? new Uint8Array(0);
    last = (values?.last as Uint8Array | null | undefined) ?? last;
    at = 0;
    ended = page.length === 0;
  }

  function endOfPath(): number {
    return page.indexOf(0, at);
  }

  load();
  return {
    get ended() {
      return ended;
    },
    path: () => Buffer.from(page.slice(at, endOfPath())),
    compare(path) {
      for (let byte = 0; ; byte++) {
        const mine = page[at + byte] ?? 0;
        const difference = mine - (path[byte] ?? 0);
        if (difference !== 0 || mine === 0) return difference;
      }
    },
    isSynced(stamp) {
      const start = endOfPath() + 1;
      if (page[start + STAMP_BYTES] !== SYNCED) return false;
      for (let byte = 0; byte < STAMP_BYTES; byte++) {
        if (page[start + byte] !== stamp[byte]) return false;
      }
      return true;
    },
    next() {
      at = endOfPath() + 1 + STAMP_BYTES + 1;
      if (at >= page.length) load();
    },
    close: () => database.close(),
  };
}
