/** Sends the deletes that a run has listed to those who carry them out, line by line. */
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { Look, LookQueue, ObjectStore } from '#core/ports.ts';
import { deletesPrefix } from '#core/reconcile-message.ts';
import * as z from '#core/schema.ts';
import { compareUtf8 } from '#core/utf8.ts';

export interface ReleasePorts {
  reports: Pick<ObjectStore, 'list' | 'get'>;
  looks: LookQueue;
  remainingMs: () => number;
}

const line = z.object({ key: z.pipe(z.string(), z.transform(objectKey)), reason: z.string() });
const RESERVE_MS = 30_000;
const SENT_AT_ONCE = 500;

/**
 * Each is sent as approved by that run. Whoever gets it asks the hub first: what has come back is not deleted.
 *
 * @param after those up to this key were sent before
 * @returns how many were sent, and the last key of them when there was no time for the rest
 * @throws SyncError `NoSuchKey` when there is no list of the run any more, `BadList` when it is not one
 */
export async function releaseDeletes(
  { reports, looks, remainingMs }: ReleasePorts,
  runId: string,
  after?: ObjectKey,
): Promise<{ sent: number; after?: ObjectKey }> {
  let sent = 0;
  let lists = 0;
  let batch: Look[] = [];
  const send = async () => {
    await looks.send(batch);
    sent += batch.length;
    batch = [];
  };
  for await (const { key: list, etag } of reports.list(deletesPrefix(runId))) {
    lists++;
    const { body } = await reports.get(list, { ifMatch: etag });
    for await (const text of lines(body)) {
      const { key, reason } = parseLine(text, list);
      if (after !== undefined && compareUtf8(key, after) <= 0) continue;
      batch.push({ key, reason, approvedBy: runId });
      if (batch.length < SENT_AT_ONCE) continue;
      await send();
      if (remainingMs() < RESERVE_MS) return { sent, after: key };
    }
  }
  if (lists === 0) throw listGone(runId);
  if (batch.length > 0) await send();
  return { sent };
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

function parseLine(text: string, list: ObjectKey): z.output<typeof line> {
  try {
    return line.parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError || error instanceof SyncError))
      throw error;
    throw new SyncError(`the list of deletes ${list} cannot be read: ${error.message}`, {
      op: 'release-deletes',
      key: list,
      retryable: false,
      code: 'BadList',
      cause: error,
    });
  }
}

function listGone(runId: string): SyncError {
  return new SyncError(`run ${runId} has no list of deletes any more`, {
    op: 'release-deletes',
    key: runId,
    retryable: false,
    code: 'NoSuchKey',
    hint: 'Run reconcile again: it lists what is still to be deleted.',
  });
}
