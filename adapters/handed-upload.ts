/**
 * Uploads in parts that outlive an invocation. Which upload of a key goes on is kept in a control, never in a message:
 * so whoever looks at the key next, for whatever reason, finds it, goes on with it, or clears it away.
 */
import { createHash, randomUUID } from 'node:crypto';
import { CONTROL, changeControl, type HandedUpload, handedUpload } from '#core/controls.ts';
import type { ObjectKey } from '#core/key.ts';
import type { Controls, ObjectHead } from '#core/ports.ts';

/** What the source was when the upload began; the bytes and attributes of another state do not belong into it. */
type Source = Pick<ObjectHead, 'etag' | 'versionId' | 'lastModifiedMs'>;

type TakenUpload = { goOn: string } | { clear: string } | { begin: true } | { busyUntilMs: number };

export interface HandedUploads {
  /** The upload that goes on, if it is of this source and nobody is at it: it is the caller's for that time. */
  take(source: Source | undefined, forMs: number): Promise<TakenUpload>;
  /** Leaves the upload for the next one to look at the key; `'another'`: there is another upload already. */
  leave(uploadId: string, source: Source): Promise<'left' | 'another'>;
  /** The upload is complete, or aborted. */
  forget(uploadId: string): Promise<void>;
}

const NONE: HandedUpload = { uploadId: '', etag: '', versionId: '', lastModifiedMs: 0, busyUntilMs: 0 };

export function handedUploads(
  controls: Controls,
  destination: string,
  key: ObjectKey,
  nowMs: () => number,
): HandedUploads {
  // A key may hold any character, and be longer than a name may be.
  const id = createHash('sha256').update(key).digest('hex');
  const name = CONTROL.upload(destination, id);
  const change = <Answer>(
    decide: (known: HandedUpload | undefined) => { write?: HandedUpload; answer: Answer },
  ) =>
    changeControl(controls, name, handedUpload, (value) =>
      decide(value === undefined || value.uploadId === '' ? undefined : value),
    );

  return {
    async take(source, forMs) {
      const takenBy = randomUUID();
      try {
        return await change<TakenUpload>((known) => {
          if (known === undefined) return { answer: { begin: true } };
          if (!isOf(known, source)) return { answer: { clear: known.uploadId } };
          // The client sends a write again whose answer was lost, and is told then that somebody else was first.
          if (known.takenBy === takenBy) return { answer: { goOn: known.uploadId } };
          if (known.busyUntilMs > nowMs()) return { answer: { busyUntilMs: known.busyUntilMs } };
          const write = { ...known, takenBy, busyUntilMs: nowMs() + forMs };
          return { write, answer: { goOn: known.uploadId } };
        });
      } catch (error) {
        // It may be taken all the same: whoever looks at the key next would find somebody at it who is not.
        await change((known) =>
          known?.takenBy === takenBy
            ? { write: { ...known, busyUntilMs: 0 }, answer: undefined }
            : { answer: undefined },
        );
        throw error;
      }
    },
    leave: (uploadId, source) =>
      change<'left' | 'another'>((known) => {
        if (known !== undefined && known.uploadId !== uploadId) return { answer: 'another' };
        const { etag, versionId = '', lastModifiedMs } = source;
        return { write: { uploadId, etag, versionId, lastModifiedMs, busyUntilMs: 0 }, answer: 'left' };
      }),
    forget: (uploadId) =>
      change((known) =>
        known?.uploadId === uploadId ? { write: NONE, answer: undefined } : { answer: undefined },
      ),
  };
}

function isOf(known: HandedUpload, source: Source | undefined): boolean {
  return (
    source !== undefined &&
    known.etag === source.etag &&
    known.versionId === (source.versionId ?? '') &&
    known.lastModifiedMs === source.lastModifiedMs
  );
}
