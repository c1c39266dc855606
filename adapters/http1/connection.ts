/** One connection, one request at a time. */
import { type AnswerBody, type BodyQueue, createBodyQueue, EMPTY_BODY } from './answer-body.ts';
import { type AnswerReader, createAnswerReader } from './answer-reader.ts';
import { ClosedError, ProtocolError, SilenceError } from './errors.ts';
import type { AnswerHead } from './head.ts';
import { openSocket, type Place } from './socket.ts';

export interface HttpRequest {
  method: string;
  /** Request line and headers with the empty line that ends them, one character a byte. */
  head: string;
  body: Uint8Array;
  /** Without a sign of life, until the answer begins. */
  answerWithinMs: number;
  /** Not sent again either when the server may have closed the connection before it came. */
  once?: boolean;
  /** Ends the request, and the answer that is being read. */
  signal?: AbortSignal | undefined;
}

export interface HttpAnswer extends Pick<AnswerHead, 'status' | 'headers'> {
  body: AnswerBody;
}

export interface Connection {
  /** Only while it is idle. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Ends it; a request in work fails with the error. */
  destroy(error?: Error): void;
  /** Ends it when it has been silent for too long. */
  check(nowMs: number): void;
  /** Requests that were begun on it. */
  readonly requests: number;
  /** The other side has said something since the last one. */
  readonly heard: boolean;
  readonly idleSinceMs: number;
}

export interface ConnectionOptions extends Place {
  connectWithinMs: number;
  /** Silence within an answer. */
  idleWithinMs: number;
  /** Resolves when so many bytes of a body may be sent. */
  allowance?: { readonly pieceBytes: number; take(bytes: number): Promise<void> };
  /** It can take the next request. */
  onIdle(connection: Connection): void;
  onClose(connection: Connection): void;
}

interface Exchange {
  request: HttpRequest;
  resolve(answer: HttpAnswer): void;
  reject(error: Error): void;
  /** The last piece has been given to the socket. */
  sent: boolean;
  reader: AnswerReader;
  head?: AnswerHead;
  queue?: BodyQueue;
  abort?: () => void;
}

/** A body up to this size is copied behind its head: one write is cheaper than two. */
const COPY_BYTES = 64 * 1024;
/** Larger bodies are handed to the socket piece by piece, so that each piece it takes is a sign of life. */
const PIECE_BYTES = 256 * 1024;

export function openConnection(options: ConnectionOptions): Connection {
  const { allowance, onIdle, onClose } = options;
  let exchange: Exchange | undefined;
  let connected = false;
  let closed = false;
  let paused = false;
  /** Our own limit makes it wait, not the other side. */
  let held = false;
  let lifeMs = performance.now();
  let requests = 0;
  let heard = false;

  const socket = openSocket(options, (bytes) => {
    lifeMs = performance.now();
    heard = true;
    try {
      receive(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      destroy(error);
    }
    return !paused;
  });
  // The timer of the pool keeps the process alive while somebody waits for an answer.
  socket.unref();
  socket.once(options.tls ? 'secureConnect' : 'connect', () => {
    connected = true;
    lifeMs = performance.now();
    if (exchange !== undefined) write(exchange);
  });
  socket.on('error', destroy);
  socket.once('end', () => destroy());
  socket.once('close', () => destroy());

  function write(one: Exchange): void {
    const { head, body } = one.request;
    lifeMs = performance.now();
    if (body.length > COPY_BYTES || (allowance !== undefined && body.length > 0)) {
      socket.write(head, 'latin1');
      void writePieces(one);
      return;
    }
    one.sent = true;
    const packet = Buffer.allocUnsafe(head.length + body.length);
    packet.write(head, 'latin1');
    packet.set(body, head.length);
    socket.write(packet);
  }

  async function writePieces(one: Exchange): Promise<void> {
    const { body } = one.request;
    const pieceBytes = allowance?.pieceBytes ?? PIECE_BYTES;
    for (let at = 0; at < body.length; at += pieceBytes) {
      const piece = body.subarray(at, at + pieceBytes);
      if (allowance !== undefined) {
        held = true;
        await allowance.take(piece.length);
        held = false;
        lifeMs = performance.now();
      }
      // Nobody wants the rest of a body that is answered already.
      if (closed || exchange !== one || one.head !== undefined) return;
      one.sent = at + piece.length === body.length;
      await new Promise<void>((resolve) => {
        socket.write(piece, () => resolve());
      });
      lifeMs = performance.now();
    }
  }

  function receive(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0 && !closed) {
      if (exchange === undefined) throw new ProtocolError('the other side speaks without being asked');
      rest = rest.subarray(exchange.reader.read(rest));
    }
  }

  function begin(one: Exchange, head: AnswerHead): void {
    if (!one.sent && head.status < 300) {
      throw new ProtocolError('the answer came before the end of the request');
    }
    one.head = head;
    if (head.body !== 0) one.queue = createBodyQueue({ onRoom, onLeft: () => exchange === one && destroy() });
    const { status, headers } = head;
    one.resolve({ status, headers, body: one.queue?.body ?? EMPTY_BODY });
  }

  function onRoom(): void {
    if (!paused) return;
    paused = false;
    lifeMs = performance.now();
    socket.resume();
  }

  function finish(one: Exchange, head: AnswerHead): void {
    exchange = undefined;
    if (one.abort !== undefined) one.request.signal?.removeEventListener('abort', one.abort);
    paused = false;
    one.queue?.end();
    if (head.keepAlive && one.sent && socket.writableLength === 0) onIdle(connection);
    else destroy();
  }

  function destroy(error: Error = new ClosedError()): void {
    if (closed) return;
    closed = true;
    const one = exchange;
    exchange = undefined;
    socket.destroy();
    onClose(connection);
    if (one === undefined) return;
    if (one.abort !== undefined) one.request.signal?.removeEventListener('abort', one.abort);
    if (one.head?.body === 'until-close' && error instanceof ClosedError) one.queue?.end();
    else if (one.queue !== undefined) one.queue.fail(error);
    else one.reject(error);
  }

  const connection: Connection = {
    send: (request) =>
      new Promise((resolve, reject) => {
        requests++;
        heard = false;
        lifeMs = performance.now();
        const one: Exchange = {
          request,
          resolve,
          reject,
          sent: false,
          reader: createAnswerReader(request.method, {
            onHead: (head) => begin(one, head),
            onPiece: (piece) => {
              if (one.queue?.push(Buffer.from(piece)) === false) paused = true;
            },
            onEnd: (head) => finish(one, head),
          }),
        };
        exchange = one;
        const { signal } = request;
        if (signal !== undefined) {
          exchange.abort = () => destroy(signal.reason);
          signal.addEventListener('abort', exchange.abort);
        }
        if (connected) write(exchange);
      }),
    destroy,
    check(nowMs) {
      if (exchange === undefined || paused || held) return;
      const limitMs = !connected
        ? options.connectWithinMs
        : exchange.head === undefined
          ? exchange.request.answerWithinMs
          : options.idleWithinMs;
      if (nowMs - lifeMs <= limitMs) return;
      destroy(new SilenceError(connected ? 'ETIMEDOUT' : 'CONNECT_TIMEOUT', limitMs));
    },
    get requests() {
      return requests;
    },
    get heard() {
      return heard;
    },
    get idleSinceMs() {
      return lifeMs;
    },
  };
  return connection;
}
