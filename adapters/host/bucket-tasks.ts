/**
 * What is left to do for a destination of a bucket: objects that failed and are tried again or parked, and deletes of a
 * comparison, which are counted as a whole before the first of them is carried out.
 */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { Batch } from './index-batch.ts';

export interface Task {
  key: ObjectKey;
  /** `planned`: a delete that a comparison in work has found; `held`: one that waits for a person. */
  state: 'waiting' | 'parked' | 'planned' | 'held';
  attempts: number;
  /** When it is due; of a held one, when it was held; 0 for states that wait for something else. */
  nextAttemptMs: number;
  reason: string;
}

export interface BucketTasks {
  get(key: ObjectKey): Task | undefined;
  put(task: Task): void;
  remove(key: ObjectKey): void;
  /** Those in that state after that key, in the order of keys; at most 1,000. */
  inState(state: Task['state'], after?: ObjectKey): Task[];
  /** `waiting` ones whose time has come, the longest due first; at most `limit`. */
  due(nowMs: number, limit: number): Task[];
  /** When the next waiting one is due. */
  nextDueMs(): number | undefined;
  counts(): Record<Task['state'], number>;
  /** Every one in that state gets another. */
  move(from: Task['state'], to: Task['state'], reason?: string): number;
  /** @param upToMs only those whose `nextAttemptMs` is not later */
  clear(state: Task['state'], upToMs?: number): void;
  /** Makes all that waits or is parked due; answers how many they are. */
  retryNow(): number;
  flush(): void;
}

const PAGE_ROWS = 1000;
const NOTHING = Buffer.alloc(0);

export function bucketTasks(
  database: DatabaseSync,
  batch: Batch,
  bucket: string,
  destination: string,
): BucketTasks {
  const columns = 'key, state, attempts, next_attempt_ms, reason';
  const ours = 'bucket = ? AND destination = ?';
  const us = [bucket, destination] as const;
  const select = database.prepare(`SELECT ${columns} FROM tasks WHERE ${ours} AND key = ?`);
  const put = database.prepare(
    `INSERT OR REPLACE INTO tasks (bucket, destination, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const remove = database.prepare(`DELETE FROM tasks WHERE ${ours} AND key = ?`);
  const page = database.prepare(
    `SELECT ${columns} FROM tasks WHERE ${ours} AND state = ? AND key > ? ORDER BY key LIMIT ${PAGE_ROWS}`,
  );
  const waiting = `${ours} AND state = 'waiting'`;
  const due = database.prepare(
    `SELECT ${columns} FROM tasks WHERE ${waiting} AND next_attempt_ms <= ? ORDER BY next_attempt_ms LIMIT ?`,
  );
  const next = database.prepare(`SELECT min(next_attempt_ms) AS at FROM tasks WHERE ${waiting}`);
  const counts = database.prepare(`SELECT state, count(*) AS count FROM tasks WHERE ${ours} GROUP BY state`);
  const move = database.prepare(
    `UPDATE tasks SET state = ?, reason = coalesce(?, reason) WHERE ${ours} AND state = ?`,
  );
  const clear = database.prepare(`DELETE FROM tasks WHERE ${ours} AND state = ? AND next_attempt_ms <= ?`);
  const retry = database.prepare(
    `UPDATE tasks SET state = 'waiting', attempts = 0, next_attempt_ms = 0 WHERE ${ours} AND state IN ('waiting', 'parked')`,
  );

  return {
    get: (key) => {
      const row = batch.read(() => select.get(...us, bytesOf(key)));
      return row === undefined ? undefined : taskOf(row);
    },
    put: ({ key, state, attempts, nextAttemptMs, reason }) =>
      batch.write(() => void put.run(...us, bytesOf(key), state, attempts, nextAttemptMs, reason)),
    remove: (key) => batch.write(() => void remove.run(...us, bytesOf(key))),
    inState: (state, after) =>
      batch.read(() => page.all(...us, state, after === undefined ? NOTHING : bytesOf(after)).map(taskOf)),
    due: (nowMs, limit) => batch.read(() => due.all(...us, nowMs, limit).map(taskOf)),
    nextDueMs: () => {
      const at = batch.read(() => next.get(...us)?.at);
      return typeof at === 'number' ? at : undefined;
    },
    counts: () => {
      const found = { waiting: 0, parked: 0, planned: 0, held: 0 };
      for (const { state, count } of batch.read(() => counts.all(...us))) {
        found[state as Task['state']] = Number(count);
      }
      return found;
    },
    move: (from, to, reason) =>
      batch.writeNow(() => Number(move.run(to, reason ?? null, ...us, from).changes)),
    clear: (state, upToMs = Number.MAX_SAFE_INTEGER) =>
      batch.writeNow(() => void clear.run(...us, state, upToMs)),
    retryNow: () => batch.writeNow(() => Number(retry.run(...us).changes)),
    flush: () => batch.flush(),
  };
}

function taskOf({ key, state, attempts, next_attempt_ms, reason }: Record<string, SQLOutputValue>): Task {
  return {
    key: objectKey(Buffer.from(key as Uint8Array).toString('utf8')),
    state: state as Task['state'],
    attempts: Number(attempts),
    nextAttemptMs: Number(next_attempt_ms),
    reason: String(reason),
  };
}

function bytesOf(key: string): Buffer {
  return Buffer.from(key, 'utf8');
}
