/**
 * The work of one folder: paths come in as hints, each is looked at by one worker at a time, and what is done follows
 * from what is there (I5). Every failure is kept in the index with its time to try again, so `status` shows it (I4).
 */
import { SyncError } from '#core/errors.ts';
import { backoffMs } from '#core/retry.ts';
import { createDirtySet } from './dirty-set.ts';
import { printableName } from './path-bytes.ts';
import { type FileContext, isNothing, type Looked } from './settled-file.ts';

export interface FolderWork {
  /** False when it is left to the next scan. */
  mark(path: Buffer): boolean;
  /** For a scan: after what is marked, and resolves when there is room for more. */
  offer(paths: readonly Buffer[]): Promise<void>;
  /** Never to be synced as it is: shown by `status` until it changes. */
  park(path: Buffer, reason: string, hint?: string): void;
  /** From now on a path gets so many tries, and what is left behind is counted anew. */
  begin(triesAllowed: number): void;
  /** Paths that could not be brought where they belong since `begin`. */
  readonly left: number;
  readonly queued: number;
  readonly putOff: number;
  /** More failed than is remembered. */
  readonly putsOffNoMore: boolean;
  idle(): Promise<void>;
  drained(): Promise<void>;
  hurry(): void;
  stop(): Promise<void>;
}

/** In one pass a file gets so many tries. */
export const TRIES_IN_PASS = 3;
/** A failed file is tried again for ever; the delay grows to five minutes. */
const RETRY = { baseDelayMs: 1_000, maxDelayMs: 300_000 };
/** Names held in memory: some ten megabytes for the first, and enough to keep every upload busy for the second. */
const MARKED_BOUND = 50_000;
const OFFERED_BOUND = 10_000;
const UNNOTED_DELAY_MS = 10_000;
/** Trying again does not help: it stays until the file changes. */
const PARKED = new Set(['InvalidKey', 'OlderThanObject']);
/** Of a row whose file has no object that we know. */
export const NO_OBJECT = {
  dev: 0n,
  ino: 0n,
  sizeBytes: 0,
  mtimeNs: 0n,
  ctimeNs: 0n,
  md5: '',
  partBytes: 0,
  etag: '',
  versionId: '',
};

/** @param onRoom absent: everything that is marked is remembered; else it scans for what was not */
export function createFolderWork(
  context: FileContext,
  look: (path: Buffer) => Promise<Looked>,
  onRoom?: () => void,
): FolderWork {
  const { settings, folder, index, log, metrics } = context;
  const tries = new Map<string, number>();
  let triesAllowed = Number.POSITIVE_INFINITY;
  let left = 0;

  const isPass = () => triesAllowed !== Number.POSITIVE_INFINITY;
  const keyOf = (path: Buffer) => folder.prefix + printableName(path);
  const bounds = onRoom === undefined ? undefined : { marked: MARKED_BOUND, offered: OFFERED_BOUND, onRoom };
  const dirty = createDirtySet(settings.limits.concurrency, workOn, bounds);

  async function workOn(path: Buffer): Promise<void> {
    try {
      looked(path, await look(path));
    } catch (error) {
      noted(path, () => failed(path, error));
    }
  }

  /** A full disk keeps the index from noting a failure; the file is looked at again all the same. */
  function noted(path: Buffer, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof SyncError) || error.op !== 'index') throw error;
      log.error(`cannot be noted: ${error.message}`, {
        key: keyOf(path),
        folder: folder.name,
        hint: error.hint,
      });
      again(path, UNNOTED_DELAY_MS, error.message);
    }
  }

  function looked(path: Buffer, result: Looked): void {
    if ('parked' in result) {
      park(path, result.parked);
    } else if ('later' in result) {
      log.debug(`not yet: ${result.later}`, { key: keyOf(path), folder: folder.name });
      again(path, result.delayMs, result.later);
    } else if ('gone' in result && !isNothing(result.gone)) {
      park(path, `is a ${result.gone}, not a file`);
    } else {
      tries.delete(path.toString('latin1'));
    }
  }

  function failed(path: Buffer, error: unknown): void {
    const failure = error instanceof SyncError ? error : undefined;
    const message = error instanceof Error ? error.message : String(error);
    if (failure?.code === 'Stopped') log.debug(message);
    else if (PARKED.has(failure?.code ?? '')) park(path, message, failure?.hint);
    else retry(path, message, failure);
  }

  function retry(path: Buffer, message: string, failure: SyncError | undefined): void {
    const row = index.get(folder.name, path);
    const attempts = (row?.attempts ?? 0) + 1;
    // A pass does not wait for what earlier ones have tried.
    const nth = isPass() ? (tries.get(path.toString('latin1')) ?? 0) + 1 : attempts;
    const delayMs = backoffMs(RETRY, nth, 0.5 + Math.random() / 2);
    const key = keyOf(path);
    if (failure?.code === 'Changed') log.info(message, { key, folder: folder.name });
    else log.warn(message, { key, folder: folder.name, attempts, retryInMs: delayMs, hint: failure?.hint });
    metrics.done(folder.name, 'failed');
    index.put({
      ...(row ?? NO_OBJECT),
      folder: folder.name,
      path,
      state: 'waiting',
      attempts,
      nextAttemptMs: Date.now() + delayMs,
      lastError: message,
    });
    again(path, delayMs, message);
  }

  function again(path: Buffer, delayMs: number, why: string): void {
    const id = path.toString('latin1');
    const tried = (tries.get(id) ?? 0) + 1;
    if (isPass()) tries.set(id, tried);
    // One that cannot be put off is found by the next scan, as long as there is one.
    const lookedAtAgain = tried < triesAllowed && dirty.markLater(path, delayMs);
    if (!lookedAtAgain && isPass()) {
      left++;
      log.warn(`left behind: ${why}`, { key: keyOf(path), folder: folder.name });
    }
  }

  function park(path: Buffer, reason: string, hint?: string): void {
    left++;
    const row = index.get(folder.name, path);
    const known = row?.state === 'parked' && row.lastError === reason;
    // A pass says what it leaves behind; who runs on has said it.
    if (known && !isPass()) return;
    log.warn(reason.startsWith('conflict') ? reason : `skipped: ${reason}`, {
      key: keyOf(path),
      folder: folder.name,
      hint,
    });
    if (known) return;
    metrics.done(folder.name, 'skipped');
    index.put({
      ...(row ?? NO_OBJECT),
      folder: folder.name,
      path,
      state: 'parked',
      attempts: 0,
      nextAttemptMs: 0,
      lastError: reason,
    });
  }

  return {
    mark: dirty.mark,
    offer: dirty.offer,
    park,
    begin(allowed) {
      triesAllowed = allowed;
      tries.clear();
      left = 0;
    },
    get left() {
      return left;
    },
    get queued() {
      return dirty.size;
    },
    get putOff() {
      return dirty.putOff;
    },
    get putsOffNoMore() {
      return bounds !== undefined && dirty.putOff >= bounds.marked;
    },
    idle: dirty.idle,
    drained: dirty.drained,
    hurry: dirty.hurry,
    stop: dirty.stop,
  };
}
