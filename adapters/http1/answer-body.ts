/** The body of an answer between the socket, which must not wait, and the one who reads it. */

export interface AnswerBody extends AsyncIterable<Buffer> {
  /** All of it, decoded as UTF-8. */
  text(): Promise<string>;
  /** Reads over a short rest, so that the connection can be used again; a long one ends the connection. */
  dump(): Promise<void>;
}

export interface BodyQueue {
  readonly body: AnswerBody;
  /** Keeps the piece, which must be its own memory; false: enough for now, until `onRoom`. */
  push(piece: Buffer): boolean;
  end(): void;
  fail(error: Error): void;
}

/** So much may wait before the socket is told to. */
const HIGH_WATER_BYTES = 256 * 1024;
/** Another connection costs less than reading more. */
const WORTH_READING_BYTES = 128 * 1024;

export const EMPTY_BODY: AnswerBody = {
  async *[Symbol.asyncIterator]() {},
  text: async () => '',
  dump: async () => undefined,
};

/**
 * @param events.onRoom the reader has caught up
 * @param events.onLeft the reader has gone before the end
 */
export function createBodyQueue({ onRoom, onLeft }: { onRoom(): void; onLeft(): void }): BodyQueue {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let ended = false;
  let failure: Error | undefined;
  let wake = () => {};

  async function* read(): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const ready = pieces;
        pieces = [];
        bytes = 0;
        yield* ready;
        if (pieces.length > 0) continue;
        if (failure !== undefined) throw failure;
        if (ended) return;
        onRoom();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      if (!ended) onLeft();
    }
  }

  return {
    push(piece) {
      pieces.push(piece);
      bytes += piece.length;
      wake();
      return bytes < HIGH_WATER_BYTES;
    },
    end() {
      ended = true;
      wake();
    },
    fail(error) {
      failure = error;
      wake();
    },
    body: {
      [Symbol.asyncIterator]: read,
      text: async () => new TextDecoder().decode(Buffer.concat(await Array.fromAsync(read()))),
      async dump() {
        let seen = 0;
        for await (const piece of read()) {
          seen += piece.length;
          if (seen > WORTH_READING_BYTES) return;
        }
      },
    },
  };
}
