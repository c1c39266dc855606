/** Whether an object that is read in parts has the bytes of its source, by what the source's store says of it. */
import { isMd5, sourceParts } from '#core/mirror-plan.ts';
import type { ByteRange, ObjectHead, ObjectStore, PartResult } from '#core/ports.ts';
import { compositeEtag } from './composite-etag.ts';
import { inParallel } from './in-parallel.ts';
import type { Checksum } from './proven-stream.ts';
import { damaged } from './read-object.ts';

/** `md5`: hex, of the bytes that were sent; absent of a part that another invocation has sent. */
export type SentPart = PartResult & { md5?: string };

const ASKED_AT_ONCE = 8;

/**
 * The parts in which the source was sent, so that its ETag proves a copy in the same ones; `undefined` where its ETag is
 * not made of MD5s, or the store does not tell them.
 */
export async function askSourceParts(
  hub: Pick<ObjectStore, 'partBytes'>,
  source: ObjectHead,
): Promise<ByteRange[] | undefined> {
  if (source.partCount === undefined) return undefined;
  return sourceParts(source, (await hub.partBytes(source.key, source.etag)) ?? 0);
}

/**
 * Hex, of each part. One of another invocation counts by its ETag, which is its MD5 unless the destination was seen to
 * make others of what was sent: then it is not known, and empty.
 */
export function md5sOf(parts: readonly SentPart[]): string[] {
  const plain = parts.every(({ md5, etag }) => md5 === undefined || md5 === etag);
  return parts.map(({ md5, etag }) => md5 ?? (plain ? etag : ''));
}

/**
 * Parts of these ranges and MD5s must make the ETag of the source. Nothing is proved where one is not known, or where
 * the ranges turn out not to be those of the source, which is asked only when the ETags differ.
 *
 * @throws SyncError `ChecksumMismatch`, retryable
 */
export async function requireComposite(
  hub: Pick<ObjectStore, 'partBytes'>,
  source: ObjectHead,
  ranges: readonly ByteRange[],
  md5s: readonly string[],
): Promise<void> {
  if (!md5s.every(isMd5)) return;
  const { key, etag } = source;
  const found = compositeEtag(md5s.map((md5) => Buffer.from(md5, 'hex')));
  if (found === etag) return;
  let others = false;
  await inParallel(ranges.entries(), ASKED_AT_ONCE, async ([index, { start, end }]) => {
    if (!others && (await hub.partBytes(key, etag, index + 1)) !== end - start + 1) others = true;
  });
  if (!others) throw damaged(source, `the MD5s of their parts make ${found}`, 'ChecksumMismatch');
}

export interface OrderedSum extends Pick<Checksum, 'fault'> {
  /** Resolves once the bytes are summed, after those of all parts before. */
  add(index: number, bytes: Uint8Array): Promise<void>;
  /** A part that was begun and not added: those behind it must not wait for it. */
  giveUp(index: number): void;
}

/** Sums up parts that come in any order, in theirs. */
export function sumInOrder({ update, fault }: Checksum): OrderedSum {
  const ends: PromiseWithResolvers<void>[] = [];
  const end = (index: number) => {
    ends[index] ??= Promise.withResolvers();
    return ends[index];
  };
  return {
    async add(index, bytes) {
      if (index > 0) await end(index - 1).promise;
      update(bytes);
      end(index).resolve();
    },
    giveUp: (index) => end(index).resolve(),
    fault,
  };
}
