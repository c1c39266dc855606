/** Pairs a key that went with a key that came in the same breath and has the same content: most likely a rename. */
import type { LedgerChange, LedgerImage } from './journal.ts';
import type { ObjectKey } from './key.ts';

/**
 * New key -> old key. Each old key once; of several with the same content, in the order of the changes.
 *
 * @param changes in the order of each key's revisions
 * @param hints pairs that somebody has told; they come first, and need no change to show them
 */
export function detectRenames(
  changes: readonly LedgerChange[],
  hints: ReadonlyMap<ObjectKey, ObjectKey> = new Map(),
): Map<ObjectKey, ObjectKey> {
  const renames = new Map(hints);
  const taken = new Set(renames.values());
  const gone = new Map<string, ObjectKey[]>();
  for (const { key, before, after } of netChanges(changes)) {
    if (before?.state !== 'present' || after.state !== 'deleted' || taken.has(key)) continue;
    const content = contentOf(before);
    gone.set(content, [...(gone.get(content) ?? []), key]);
  }
  for (const { key, before, after } of netChanges(changes)) {
    if (after.state !== 'present' || renames.has(key)) continue;
    if (before?.state === 'present' && contentOf(before) === contentOf(after)) continue;
    const from = gone.get(contentOf(after))?.shift();
    if (from !== undefined) renames.set(key, from);
  }
  return renames;
}

/** One change of each key: from what it was before the first to what it is after the last. */
function netChanges(changes: readonly LedgerChange[]): LedgerChange[] {
  const net = new Map<ObjectKey, LedgerChange>();
  for (const change of changes) {
    const first = net.get(change.key);
    const { before: _before, ...rest } = change;
    const before = first === undefined ? change.before : first.before;
    net.set(change.key, { ...rest, ...(before === undefined ? {} : { before }) });
  }
  return [...net.values()];
}

function contentOf({ etag, sizeBytes }: LedgerImage): string {
  return `${etag} ${sizeBytes}`;
}
