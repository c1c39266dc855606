/** The one error that crosses floors: what was tried, on what, and whether trying again can help. */
export class SyncError extends Error {
  readonly op: string;
  readonly key: string;
  readonly retryable: boolean;
  /** What the reader should do, in one sentence; shown after the message. */
  readonly hint: string | undefined;
  /** The store's own code, such as `AccessDenied` or `ECONNREFUSED`. */
  readonly code: string | undefined;

  constructor(
    message: string,
    details: { op: string; key?: string; retryable: boolean; hint?: string; code?: string; cause?: unknown },
  ) {
    super(message, { cause: details.cause });
    this.name = 'SyncError';
    this.op = details.op;
    this.key = details.key ?? '';
    this.retryable = details.retryable;
    this.hint = details.hint;
    this.code = details.code;
  }
}
