/** Whether a request carries the token that a secret holds. */
import { createHash, timingSafeEqual } from 'node:crypto';

export interface BearerPorts {
  /** Reads the token from where it is kept. */
  readToken: () => Promise<string>;
  nowMs: () => number;
}

/** A token that was replaced stops working after that long. */
const BELIEVED_MS = 5 * 60_000;
/** A new token works after that long, and someone who guesses cannot make the secret be read for each guess. */
const REREAD_MS = 30_000;

/**
 * Answers for the value of an Authorization header: `Bearer <token>`, or the bare token. Hashes are compared, so that
 * neither the time nor the length of the comparison tells anything of the token. Throws what `readToken` throws.
 */
export function createBearerCheck({
  readToken,
  nowMs,
}: BearerPorts): (header: string | undefined) => Promise<boolean> {
  let known: { digest: Buffer; readAtMs: number } | undefined;

  async function read(): Promise<Buffer> {
    const readAtMs = nowMs();
    known = { digest: digestOf(await readToken()), readAtMs };
    return known.digest;
  }

  return async (header) => {
    const value = header?.trim() ?? '';
    if (value === '') return false;
    if (known === undefined || nowMs() - known.readAtMs >= BELIEVED_MS) return carries(value, await read());
    if (carries(value, known.digest)) return true;
    return nowMs() - known.readAtMs >= REREAD_MS && carries(value, await read());
  };
}

/**
 * MinIO puts `Bearer` before a token of one word and sends one of two words as it is.
 * https://github.com/minio/minio/blob/master/internal/event/target/webhook.go
 */
function carries(value: string, digest: Buffer): boolean {
  const asBearer = timingSafeEqual(digestOf(value.replace(/^bearer +/i, '')), digest);
  const asItIs = timingSafeEqual(digestOf(value), digest);
  return asBearer || asItIs;
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
