/**
 * An object of the hub as it is sent to the file manager. Where the ledger says that the content will be wanted, the
 * answer that tells what the object is also brings it: one request instead of two.
 */
import { provenStream } from '#adapters/proven-stream.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { ObjectHead, ObjectStore } from '#core/ports.ts';

/** Of that very state of the object, read from the start whenever it is iterated. */
export interface Content extends AsyncIterable<Uint8Array> {
  /** What reading failed with: not the file manager's fault. */
  readonly failure: unknown;
}

export interface Looked {
  /** `undefined`: the hub holds nothing. */
  head: ObjectHead | undefined;
  contentOf(head: ObjectHead): Content;
  /** Ends an answer whose content nobody has read. */
  discard(): Promise<void>;
}

type Hub = Pick<ObjectStore, 'head' | 'get'>;

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const ABSENT = new Set(['NoSuchKey', 'NotFound']);

export async function lookAt(hub: Hub, key: ObjectKey, entry: LedgerEntry | undefined): Promise<Looked> {
  const wanted = entry?.state === 'present' && entry.delivery?.etag !== entry.etag;
  if (!wanted) return lookedAt(hub, await hub.head(key), undefined);
  try {
    const { head, body } = await hub.get(key);
    return lookedAt(hub, head, body);
  } catch (error) {
    if (!(error instanceof SyncError) || !ABSENT.has(error.code ?? '')) throw error;
    return lookedAt(hub, undefined, undefined);
  }
}

function lookedAt(
  hub: Hub,
  head: ObjectHead | undefined,
  body: AsyncIterable<Uint8Array> | undefined,
): Looked {
  let opened = body;
  const take = () => {
    const taken = opened;
    opened = undefined;
    return taken;
  };
  return {
    head,
    contentOf: (source) => {
      const { key, etag: ifMatch } = source;
      let failure: unknown;
      return {
        get failure() {
          return failure;
        },
        async *[Symbol.asyncIterator]() {
          failure = undefined;
          const first = take();
          try {
            if (first !== undefined && (yield* unlessBroken(provenStream(first, source)))) return;
            yield* provenStream((await hub.get(key, { ifMatch })).body, source);
          } catch (error) {
            failure = error;
            throw error;
          }
        },
      };
    },
    async discard() {
      const unread = take();
      if (unread === undefined) return;
      try {
        // Only an answer that was begun can be ended.
        for await (const _piece of unread) break;
      } catch (error) {
        // It is over either way.
        if (!(error instanceof SyncError)) throw error;
      }
    },
  };
}

/** Answers `false` when nothing came at all: the answer has waited too long, perhaps, for the call before. */
async function* unlessBroken(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, boolean> {
  let begun = false;
  try {
    for await (const piece of body) {
      begun = true;
      yield piece;
    }
  } catch (error) {
    if (begun || !(error instanceof SyncError) || !error.retryable) throw error;
    return false;
  }
  return true;
}
