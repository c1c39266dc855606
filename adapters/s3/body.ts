/** Bodies on their way: in pieces, at the rate allowed, and watched for standing still. */
import { Readable } from 'node:stream';
import type { Bandwidth } from './bandwidth.ts';

/** Larger bodies are handed to the socket piece by piece, so that each piece it takes counts as progress. */
const PIECE_BYTES = 256 * 1024;

interface Deadline {
  readonly signal: AbortSignal;
  /** Counts from now again. */
  restart(): void;
  stop(): void;
}

/** Aborts with a `TimeoutError` unless stopped in time. */
export function startDeadline(timeoutMs: number): Deadline {
  const controller = new AbortController();
  const expire = () => {
    const seconds = Math.round(timeoutMs / 100) / 10;
    controller.abort(new DOMException(`no answer within ${seconds} s`, 'TimeoutError'));
  };
  let timer = setTimeout(expire, timeoutMs);
  return {
    signal: controller.signal,
    restart: () => {
      clearTimeout(timer);
      timer = setTimeout(expire, timeoutMs);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Small bodies as they are, large ones as views on their bytes; nothing is copied. */
export async function requestBody(
  body: Uint8Array,
  bandwidth: Bandwidth | undefined,
  deadline: Deadline,
): Promise<Uint8Array | Readable> {
  const pieceBytes = bandwidth?.pieceBytes ?? PIECE_BYTES;
  if (body.length > pieceBytes) {
    return Readable.from(pieces(body, pieceBytes, bandwidth, deadline), { objectMode: false });
  }
  await allowed(body.length, bandwidth, deadline);
  return body;
}

/** The answer's bytes, at the rate allowed; a connection that breaks under them throws what `broken` makes of it. */
export async function* received(
  body: AsyncIterable<Uint8Array>,
  bandwidth: Bandwidth | undefined,
  broken: (error: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) {
      await bandwidth?.take(chunk.length);
      yield chunk;
    }
  } catch (error) {
    throw broken(error);
  }
}

async function* pieces(
  body: Uint8Array,
  pieceBytes: number,
  bandwidth: Bandwidth | undefined,
  deadline: Deadline,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += pieceBytes) {
    const piece = body.subarray(at, at + pieceBytes);
    await allowed(piece.length, bandwidth, deadline);
    yield piece;
  }
}

/** Waiting for our own limit is not the store's silence. */
async function allowed(bytes: number, bandwidth: Bandwidth | undefined, deadline: Deadline): Promise<void> {
  if (bandwidth !== undefined && bytes > 0) {
    deadline.stop();
    await bandwidth.take(bytes);
  }
  deadline.restart();
}
