/** Sends results to the report endpoints, each at its own pace; what one does not take waits for the next run. */
import type { ReportSender } from '#adapters/report-http.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { Log } from './log.ts';
import type { UnsentResult } from './report-state.ts';

export interface SendPorts {
  reports: Pick<ObjectStore, 'get'>;
  senders: readonly ReportSender[];
  log: Log;
  nowMs: () => number;
  remainingMs: () => number;
}

export interface SendAnswer {
  /** What is to be sent in a later run, oldest first. */
  unsent: UnsentResult[];
  sent: number;
  /** One for each failed try, and for each result that was given up. */
  failures: number;
}

/** A result that could not be told for so long is no news: the files in the bucket tell it. */
const GIVE_UP_AFTER_MS = 7 * 86_400_000;
const KEPT_FOR_EACH = 200;
/** In one run; an endpoint that refuses so many refuses all. */
const REFUSALS = 3;
const RESERVE_MS = 30_000;

/** Oldest first for each endpoint. One that cannot be reached is not tried again in this run. */
export async function sendResults(ports: SendPorts, waiting: readonly UnsentResult[]): Promise<SendAnswer> {
  const answers = await Promise.all(ports.senders.map((sender) => sendTo(ports, sender, waiting)));
  const urls = new Set(ports.senders.map(({ url }) => url));
  for (const { url, runId } of waiting) {
    if (!urls.has(url)) ports.log.warn('result dropped: the endpoint is not in the settings', { url, runId });
  }
  return {
    unsent: answers.flatMap(({ unsent }) => unsent).sort((left, right) => left.sinceMs - right.sinceMs),
    sent: answers.reduce((sum, { sent }) => sum + sent, 0),
    failures: answers.reduce((sum, { failures }) => sum + failures, 0),
  };
}

async function sendTo(
  ports: SendPorts,
  sender: ReportSender,
  waiting: readonly UnsentResult[],
): Promise<SendAnswer> {
  const { reports, log, nowMs, remainingMs } = ports;
  const mine = waiting.filter(({ url }) => url === sender.url);
  const answer: SendAnswer = { unsent: [], sent: 0, failures: 0 };
  let refused = 0;
  for (const [index, result] of mine.entries()) {
    const { key, runId, sinceMs, url } = result;
    if (mine.length - index > KEPT_FOR_EACH || nowMs() - sinceMs > GIVE_UP_AFTER_MS) {
      log.error('result given up', { url, runId, hint: `It is kept in the reports bucket as ${key}.` });
      answer.failures++;
      continue;
    }
    if (remainingMs() < RESERVE_MS) {
      answer.unsent.push(...mine.slice(index));
      break;
    }
    try {
      await sender.send(await bodyOf(reports, key), runId);
      log.info('result sent', { url, runId });
      answer.sent++;
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      log.error('result not sent', { url, runId, code: error.code, hint: error.hint, error });
      answer.failures++;
      answer.unsent.push(result);
      // Those after it would find the endpoint as it is; what it refuses need not hold them up.
      if (!error.retryable && ++refused < REFUSALS) continue;
      answer.unsent.push(...mine.slice(index + 1));
      break;
    }
  }
  return answer;
}

async function bodyOf(reports: Pick<ObjectStore, 'get'>, key: string): Promise<Buffer> {
  const { body } = await reports.get(objectKey(key));
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
