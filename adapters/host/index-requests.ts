/** How the command line, another process, speaks to a running agent: through the index that both have open. */
import type { DatabaseSync } from 'node:sqlite';
import type { Batch } from './index-batch.ts';

interface IndexRequest {
  kind: 'retry' | 'approve-deletes';
  folder: string;
}

export interface Requests {
  /** On disk when it returns. */
  request(kind: IndexRequest['kind'], folder: string): void;
  /**
   * Each request once, the oldest first. Cheap enough for every second: it reads nothing when nothing was written. Throws
   * also what a commit has failed with, so that it is heard of when there is nothing else to do.
   */
  takeRequests(): IndexRequest[];
}

export function openRequests(database: DatabaseSync, batch: Batch): Requests {
  const insert = database.prepare('INSERT INTO requests (kind, folder) VALUES (?, ?)');
  const select = database.prepare('SELECT id, kind, folder FROM requests ORDER BY id');
  const remove = database.prepare('DELETE FROM requests WHERE id <= ?');
  // Tells of other connections' commits only. https://sqlite.org/pragma.html#pragma_data_version
  const version = database.prepare('PRAGMA data_version');
  let seen: unknown;

  return {
    request: (kind, folder) =>
      batch.writeNow(() => {
        insert.run(kind, folder);
        seen = undefined;
      }),
    takeRequests: () => {
      batch.check();
      const present = batch.read(() => version.get()?.data_version);
      if (present === seen) return [];
      const found = batch.read(() => select.all());
      const last = found.at(-1);
      if (last !== undefined) batch.writeNow(() => remove.run(last.id as number));
      seen = present;
      return found.map(({ kind, folder }) => ({ kind, folder }) as unknown as IndexRequest);
    },
  };
}
