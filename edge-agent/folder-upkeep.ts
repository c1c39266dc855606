/** What a folder needs beside its files now and then: a look at the bucket, unfinished uploads, age. */
import { lstatSync, statSync } from 'node:fs';
import { isSystemError } from '#adapters/host/libc.ts';
import { type FileState, joinPath, pathError, stateOf } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { expiryIntervalMs } from '#core/expiry.ts';
import { checkBucket } from './bucket-check.ts';
import { createExpiry } from './expire.ts';
import type { FileContext } from './settled-file.ts';
import { abortAbandoned } from './upload-abandoned.ts';

export interface Upkeep {
  /**
   * Compares index and bucket and marks what differs, then `abortUnfinished`.
   *
   * @throws SyncError when the bucket cannot be listed
   */
  verify(): Promise<void>;
  /** Removes the parts of uploads that nobody will finish; where that is not possible the log says so. */
  abortUnfinished(): Promise<void>;
  /** Answers 1 when age could not be looked at, else 0. */
  expire(): Promise<number>;
  /** Beside the other work, and not more often than the age asks for. */
  expireSometimes(): void;
  ended(): Promise<unknown>;
}

const ABANDONED_AFTER_MS = 86_400_000;

export function createUpkeep(
  context: FileContext,
  mark: (path: Buffer) => void,
  options: { skewMs: (() => number | undefined) | undefined; owned: () => boolean },
): Upkeep {
  const { folder, root, stopping, store, index, log } = context;
  const { skewMs, owned } = options;
  const expiry = createExpiry(context, { root, stopping, ...(skewMs === undefined ? {} : { skewMs }) });
  let expiring: Promise<unknown> = Promise.resolve();
  let nextExpiryMs = 0;

  async function abortUnfinished(): Promise<void> {
    // Only where no other agent can be in the middle of one.
    if (!owned()) return;
    try {
      await abortAbandoned(store, index, folder.name, folder.prefix, {
        olderThanMs: ABANDONED_AFTER_MS,
        nowMs: Date.now(),
        stateOf: (path) => regularFile(joinPath(root.path, path), folder.symlinks === 'follow'),
        onAborted: (key, reason) => log.info(`removed the parts of an upload: ${reason}`, { key }),
      });
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      log.warn(`unfinished uploads were not looked for: ${error.message}`, { hint: error.hint });
    }
  }

  async function expire(): Promise<number> {
    const { failed } = await expiry.pass(Date.now());
    return failed;
  }

  return {
    abortUnfinished,
    expire,
    async verify() {
      if (folder.mode !== 'move') await checkBucket(context, mark);
      await abortUnfinished();
    },
    expireSometimes() {
      if (folder.retention === undefined || performance.now() < nextExpiryMs) return;
      nextExpiryMs = performance.now() + expiryIntervalMs(folder.retention.olderThan);
      expiring = expiring.then(expire).catch((error: unknown) => {
        log.error(error instanceof Error ? error.message : String(error), { folder: folder.name });
      });
    },
    ended: () => expiring,
  };
}

function regularFile(path: Buffer, followLinks: boolean): FileState | undefined {
  const options = { bigint: true, throwIfNoEntry: false } as const;
  try {
    const stat = followLinks ? statSync(path, options) : lstatSync(path, options);
    return stat?.isFile() === true ? stateOf(stat) : undefined;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw pathError('look', path, error);
  }
}
