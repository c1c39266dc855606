/**
 * What the agent asks its index now and then, and nobody waits for: on a full disk the index fails whoever comes next. That
 * is no reason to end, for it goes on when there is room.
 */
import { SyncError } from '#core/errors.ts';
import type { Log } from './log.ts';

/**
 * Answers what was read last when the index fails, and says so once until it works again. Throws what is no failure of
 * the index.
 *
 * @param first until something could be read
 */
export function lastKnown<Known>(log: Pick<Log, 'error'>, read: () => Known, first: Known): () => Known {
  let known = first;
  let said = '';
  return () => {
    try {
      known = read();
      said = '';
    } catch (error) {
      if (!(error instanceof SyncError) || error.op !== 'index') throw error;
      if (error.message !== said) log.error(error.message, { hint: error.hint });
      said = error.message;
    }
    return known;
  };
}
