/** The agent's index in memory: what is written is seen at once, and on the "disk" moments later or with a flush. */
import type { HostIndex, IndexRow } from '#adapters/host/index-db.ts';
import type { UploadRow } from '#adapters/host/index-uploads.ts';
import type { Sending, SendingLine } from '#adapters/host/sending.ts';
import { SyncError } from '#core/errors.ts';

/** What a power cut leaves. */
export interface IndexDisk {
  /** By folder and path. */
  rows: Map<string, IndexRow>;
  uploads: Map<string, UploadRow>;
  notes: Map<string, string>;
  requests: ReturnType<HostIndex['takeRequests']>;
  /** Not flushed: a power cut may take its end. */
  sending: SendingLine[];
}

/** As adapters/host/index-batch.ts has it. */
const COMMIT_MS = 50;
const FRESH = 'index/fresh';

/** @param fresh what an index that never was is called */
export function createIndexDisk(fresh: 'first' | 'rebuilt' = 'first'): IndexDisk {
  return { rows: new Map(), uploads: new Map(), notes: new Map([[FRESH, fresh]]), requests: [], sending: [] };
}

/** @param beforeCall throws when the index must not answer any more */
export function createMemoryIndex(
  disk = createIndexDisk(),
  beforeCall: () => void = () => undefined,
): HostIndex {
  const rows = new Map(disk.rows);
  const uploads = new Map(disk.uploads);
  const notes = new Map(disk.notes);
  const pending: ((to: IndexDisk) => void)[] = [];
  let planned: NodeJS.Timeout | undefined;
  let closed = false;

  function flush(): void {
    asked();
    if (planned !== undefined) clearTimeout(planned);
    planned = undefined;
    for (const write of pending.splice(0)) write(disk);
  }

  function asked(): void {
    beforeCall();
    if (closed)
      throw new SyncError('the index is closed', { op: 'index', retryable: false, code: 'IndexFailed' });
  }

  function write(change: (to: Pick<IndexDisk, 'rows' | 'uploads' | 'notes'>) => void): void {
    asked();
    change({ rows, uploads, notes });
    pending.push(change);
    planned ??= setTimeout(flush, COMMIT_MS);
  }

  function ofFolder(folder: string): IndexRow[] {
    asked();
    return sorted([...rows.values()].filter((row) => row.folder === folder)).map(copyOf);
  }

  function putUpload(row: UploadRow): void {
    write((to) => void to.uploads.set(idOf(row.folder, row.path), row));
  }

  function uploadOf(folder: string, path: Buffer): UploadRow | undefined {
    asked();
    const row = uploads.get(idOf(folder, path));
    return row === undefined ? undefined : { ...row, parts: [...row.parts] };
  }

  function noteSoon(name: string, value: string | undefined): void {
    write((to) => void (value === undefined ? to.notes.delete(name) : to.notes.set(name, value)));
  }

  function setNote(name: string, value: string | undefined): void {
    noteSoon(name, value);
    flush();
  }

  function note(name: string): string | undefined {
    asked();
    return notes.get(name);
  }

  function put(row: IndexRow): void {
    const kept = { ...row, path: Buffer.from(row.path) };
    write((to) => void to.rows.set(idOf(row.folder, row.path), kept));
  }

  return {
    file: 'index.db',
    sending: sendingOn(disk, asked, flush),
    quarantined: undefined,
    get fresh() {
      return note(FRESH) as HostIndex['fresh'];
    },
    completed: () => setNote(FRESH, undefined),
    get(folder, path) {
      asked();
      const row = rows.get(idOf(folder, path));
      return row === undefined ? undefined : copyOf(row);
    },
    put,
    remove: (folder, path) => write((to) => void to.rows.delete(idOf(folder, path))),
    below(folder, directory) {
      const start = directory.length === 0 ? '' : `${directory.toString('latin1')}/`;
      return ofFolder(folder).filter(({ path }) => path.toString('latin1').startsWith(start));
    },
    byInode: (folder, dev, ino) => ofFolder(folder).filter((row) => row.dev === dev && row.ino === ino),
    unsettled: (folder) =>
      ofFolder(folder)
        .filter(({ state }) => state !== 'synced')
        .sort((left, right) => left.nextAttemptMs - right.nextAttemptMs),
    retryNow(folder) {
      const waiting = ofFolder(folder).filter(({ state }) => state === 'waiting');
      for (const row of waiting) put({ ...row, nextAttemptMs: 0 });
      flush();
      return waiting.length;
    },
    counts(folder) {
      const counts = { synced: 0, waiting: 0, parked: 0, held: 0 };
      for (const { state } of ofFolder(folder)) counts[state]++;
      return counts;
    },
    note,
    setNote,
    noteSoon,
    upload: uploadOf,
    beginUpload(row) {
      putUpload(row);
      flush();
    },
    addPart(folder, path, part) {
      const row = uploadOf(folder, path);
      if (row === undefined) return;
      const others = row.parts.filter(({ partNumber }) => partNumber !== part.partNumber);
      const parts = [...others, part].sort((left, right) => left.partNumber - right.partNumber);
      putUpload({ ...row, parts });
    },
    endUpload: (folder, path) => write((to) => void to.uploads.delete(idOf(folder, path))),
    uploads(folder) {
      asked();
      return sorted([...uploads.values()].filter((row) => row.folder === folder));
    },
    request(kind, folder) {
      flush();
      disk.requests.push({ kind, folder });
    },
    takeRequests() {
      asked();
      return disk.requests.splice(0);
    },
    flush,
    rest: asked,
    close() {
      flush();
      closed = true;
    },
  };
}

/** Tidied up by every commit that it asks for, so that what is left is always little. */
function sendingOn(disk: IndexDisk, asked: () => void, flush: () => void): Sending {
  const left = [...disk.sending];
  const going = new Set<SendingLine>();
  return {
    left: () => left,
    forget() {
      flush();
      disk.sending = [...going];
      left.splice(0);
    },
    begin(name, value) {
      asked();
      const line: SendingLine = [name, value];
      disk.sending.push(line);
      going.add(line);
      return () => void going.delete(line);
    },
    gone(name) {
      asked();
      disk.sending.push([name, undefined]);
    },
    close: asked,
  };
}

function idOf(folder: string, path: Buffer): string {
  return `${folder}\0${path.toString('latin1')}`;
}

function sorted<Row extends { path: Buffer }>(rows: Row[]): Row[] {
  return rows.sort((left, right) => left.path.compare(right.path));
}

function copyOf(row: IndexRow): IndexRow {
  return { ...row, path: Buffer.from(row.path) };
}
