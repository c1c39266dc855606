/** What can go wrong with a connection beside the errors of the socket itself. */

/** The server does not speak HTTP/1.1 as it should. */
export class ProtocolError extends Error {
  readonly code = 'EPROTO';
}

/** No connection, or no sign of life on one, for too long. */
export class SilenceError extends Error {
  readonly code: 'ETIMEDOUT' | 'CONNECT_TIMEOUT';

  constructor(code: SilenceError['code'], limitMs: number) {
    const what = code === 'CONNECT_TIMEOUT' ? 'no connection' : 'no answer';
    super(`${what} within ${Math.round(limitMs / 100) / 10} s`);
    this.code = code;
  }
}

/** The other side ended the connection before the answer was complete. */
export class ClosedError extends Error {
  readonly code = 'ECONNRESET';

  constructor() {
    super('the other side closed the connection');
  }
}
