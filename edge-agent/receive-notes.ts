/** What the index says of keys that wait or stay, beside those that failed. */
import type { IndexRow } from '#adapters/host/index-db.ts';
import { NO_OBJECT } from './folder-work.ts';
import { printableName } from './path-bytes.ts';
import type { ReceiveContext } from './receive-context.ts';

/** Answers whether that is news. */
export function noteState(
  { folder, index }: Pick<ReceiveContext, 'folder' | 'index'>,
  path: Buffer,
  state: 'waiting' | 'parked',
  reason: string,
): boolean {
  const row: IndexRow | undefined = index.get(folder.name, path);
  if (row?.state === state && row.lastError === reason) return false;
  index.put({
    ...(row ?? NO_OBJECT),
    folder: folder.name,
    path,
    state,
    attempts: 0,
    nextAttemptMs: 0,
    lastError: reason,
  });
  return true;
}

/** A key that is no file, such as a console's "folder": named once, and no failure. */
export function notePlaceholder(context: ReceiveContext, path: Buffer, reason: string): void {
  if (!noteState(context, path, 'parked', reason)) return;
  context.log.warn(`skipped: ${reason}`, { key: context.folder.prefix + printableName(path) });
  context.metrics.done(context.folder.name, 'skipped');
}
