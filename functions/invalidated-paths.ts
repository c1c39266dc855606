/** Asks the CDN to forget the paths of changed keys, and answers the keys that it has not taken. */
import { createHash } from 'node:crypto';
import type { Cdn } from '#core/cdn.ts';
import { SyncError } from '#core/errors.ts';
import { coveredBy, directoryOf, invalidationBatches } from '#core/invalidation.ts';
import type { ObjectKey } from '#core/key.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface InvalidationPorts {
  cdn: Cdn;
  log: Log;
  metrics: Metrics;
  remainingMs: () => number;
}

/** Codes that are about the paths: with fewer, or others, the request may be taken. */
const OF_THE_PATHS = new Set(['InvalidArgument', 'BatchTooLarge']);
/** The adapter's time limit, with the SDK's tries. */
const RESERVE_MS = 20_000;

/**
 * Keys that were not told, each with the reason; the messages of their changes must come again. A path that is refused
 * is taken out of its batch, so that it does not hold up the others, and its directory is invalidated instead.
 *
 * @param changes the ids of the messages that tell of each key: with the paths they make the caller reference
 */
export async function invalidatePaths(
  ports: InvalidationPorts,
  changes: ReadonlyMap<ObjectKey, readonly string[]>,
): Promise<Map<ObjectKey, SyncError>> {
  const { cdn, log, metrics, remainingMs } = ports;
  const taken: string[] = [];
  const refused: { paths: readonly string[]; error: SyncError }[] = [];
  /** Once set, nothing that follows would fare better. */
  let obstacle: SyncError | undefined;

  async function ask(paths: readonly string[]): Promise<SyncError | undefined> {
    try {
      await cdn.invalidate(paths, referenceOf(paths, changes));
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      return error;
    }
    log.info('invalidated', { paths: paths.length, first: paths[0] });
    metrics.add('Invalidations', 1);
    metrics.add('InvalidatedPaths', paths.length);
    taken.push(...paths);
    return undefined;
  }

  async function tell(paths: readonly string[]): Promise<void> {
    if (obstacle === undefined && remainingMs() < RESERVE_MS) obstacle = outOfTime(paths.length);
    const error = obstacle ?? (await ask(paths));
    if (error === undefined) return;
    if (obstacle !== undefined || !OF_THE_PATHS.has(error.code ?? '')) {
      obstacle ??= error;
      refused.push({ paths, error });
      return;
    }
    if (paths.length > 1) {
      const half = Math.ceil(paths.length / 2);
      await tell(paths.slice(0, half));
      await tell(paths.slice(half));
      return;
    }
    const [path = ''] = paths;
    const wider = directoryOf(path);
    log.warn('path refused: its directory is invalidated', { path, wider, code: error.code, error });
    if (wider === path || (await ask([wider])) !== undefined) refused.push({ paths, error });
  }

  for (const paths of invalidationBatches(changes.keys())) await tell(paths);
  if (refused.length === 0) return new Map();
  const isTaken = coveredBy(taken);
  const reasons = refused.map(({ paths, error }) => ({ isOf: coveredBy(paths), error }));
  const untold = new Map<ObjectKey, SyncError>();
  for (const key of changes.keys()) {
    const reason = reasons.find(({ isOf }) => isOf(key));
    if (reason !== undefined && !isTaken(key)) untold.set(key, reason.error);
  }
  return untold;
}

function referenceOf(paths: readonly string[], changes: ReadonlyMap<ObjectKey, readonly string[]>): string {
  const isOf = coveredBy(paths);
  const ids = [...changes].flatMap(([key, messageIds]) => (isOf(key) ? messageIds : []));
  const hash = createHash('sha256');
  hash.update([...new Set(ids)].sort().join('\n'));
  hash.update('\n\n');
  hash.update(paths.join('\n'));
  return `sluice-${hash.digest('hex')}`;
}

function outOfTime(paths: number): SyncError {
  return new SyncError(`${paths} paths were not invalidated: the function is about to end`, {
    op: 'invalidate',
    retryable: true,
    code: 'OutOfTime',
  });
}
