/**
 * Objects with which an earlier run tried out the store, and that it could not remove: it was killed between the two.
 * They are Sluice's own and hold nothing; no function looks at them (`isReserved`), but they are in the user's bucket.
 */
import type { S3Store } from '#adapters/s3/store.ts';
import { SyncError } from '#core/errors.ts';
import { PROBE_NAME } from '#core/names.ts';
import type { ObjectSummary } from '#core/ports.ts';
import type { Log } from './log.ts';

/** Probes live for seconds: an older one is nobody's who is still at it. */
const OLD_MS = 3_600_000;
/** Of the longest thing that any probe has ever written, with room. */
const MOST_BYTES = 16;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * One LIST for each prefix, of probes alone. Only what has the name, the size and the age of one is removed; how old it
 * is, the store's clock says, and where the store tells no time nothing is removed.
 *
 * @param prefixes of the agent's folders
 */
export async function removeOldProbes(
  store: Pick<S3Store, 'list' | 'delete' | 'clockSkewMs'>,
  prefixes: readonly string[],
  log: Pick<Log, 'info' | 'warn'>,
  nowMs = Date.now,
): Promise<void> {
  for (const prefix of prefixes) {
    const start = `${prefix}${PROBE_NAME}`;
    try {
      for await (const object of store.list(start)) {
        if (!isProbe(object, start) || !isOld(object)) continue;
        await store.delete(object.key);
        log.info('removed a probe that an earlier run left', { key: object.key });
      }
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      log.warn(`probes of earlier runs may be left: ${error.message}`, { prefix, hint: error.hint });
    }
  }

  function isOld({ lastModifiedMs }: ObjectSummary): boolean {
    const skewMs = store.clockSkewMs();
    return skewMs !== undefined && nowMs() + skewMs - lastModifiedMs > OLD_MS;
  }
}

function isProbe({ key, sizeBytes }: ObjectSummary, start: string): boolean {
  return sizeBytes <= MOST_BYTES && UUID.test(key.slice(start.length));
}
