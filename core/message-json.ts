/** The text of a queue message as a value, and the error of one that is not what it should be. */
import { SyncError } from './errors.ts';

/** @throws SyncError, not retryable: such a message belongs in the dead-letter queue */
export function parseMessageJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw malformedMessage(`is not JSON: ${error.message}`);
  }
}

export function malformedMessage(what: string, hint?: string): SyncError {
  return new SyncError(`the message ${what}`, {
    op: 'parse-event',
    retryable: false,
    code: 'BadEvent',
    ...(hint === undefined ? {} : { hint }),
  });
}
