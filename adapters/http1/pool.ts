/** Connections to one origin: kept open, used again, and given up when they are silent. */
import {
  type Connection,
  type ConnectionOptions,
  type HttpAnswer,
  type HttpRequest,
  openConnection,
} from './connection.ts';
import { ClosedError } from './errors.ts';

export interface HttpPool {
  /**
   * Resolves when the head of the answer is there. Opens another connection when all are busy, so the caller bounds how
   * many there are. Rejects with the errors of sockets and of `errors.ts`, and with the reason of the signal.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Resolves when the answers in work have been read. */
  close(): Promise<void>;
}

export interface PoolOptions extends Omit<ConnectionOptions, 'host' | 'port' | 'tls' | 'onIdle' | 'onClose'> {
  /** `http(s)://host[:port]` */
  origin: string;
}

/** Servers close idle connections; a request that crosses such a close costs a second one. */
const KEEP_IDLE_MS = 15_000;
const SLOWEST_CHECK_MS = 1_000;
const CHECKS_WITHIN_LIMIT = 8;
const PORTS: Record<string, number> = { 'http:': 80, 'https:': 443 };

export function createPool({ origin, ...limits }: PoolOptions): HttpPool {
  const { protocol, hostname, port } = new URL(origin);
  const place = {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (PORTS[protocol] ?? 80) : Number(port),
    tls: protocol === 'https:',
  };
  const idle: Connection[] = [];
  const busy = new Set<Connection>();
  const closing: (() => void)[] = [];
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let checkEveryMs = SLOWEST_CHECK_MS;

  function take(): Connection {
    const nowMs = performance.now();
    for (let one = idle.pop(); one !== undefined; one = idle.pop()) {
      if (nowMs - one.idleSinceMs < KEEP_IDLE_MS) return one;
      one.destroy();
    }
    return openConnection({ ...place, ...limits, onIdle: giveBack, onClose: forget });
  }

  function giveBack(connection: Connection): void {
    busy.delete(connection);
    if (closed) connection.destroy();
    else idle.push(connection);
    rest();
  }

  function forget(connection: Connection): void {
    busy.delete(connection);
    const at = idle.indexOf(connection);
    if (at !== -1) idle.splice(at, 1);
    rest();
  }

  /** The sockets do not keep the process alive, and the timer does so only for those who wait for an answer. */
  function rest(): void {
    if (busy.size > 0) return;
    timer?.unref();
    for (const resolve of closing.splice(0)) resolve();
  }

  function work(request: HttpRequest): void {
    const { connectWithinMs, idleWithinMs } = limits;
    const everyMs = Math.min(request.answerWithinMs, connectWithinMs, idleWithinMs) / CHECKS_WITHIN_LIMIT;
    if (timer === undefined || everyMs < checkEveryMs) {
      clearInterval(timer);
      checkEveryMs = Math.min(everyMs, SLOWEST_CHECK_MS);
      timer = setInterval(check, checkEveryMs);
    }
    timer.ref();
  }

  function check(): void {
    const nowMs = performance.now();
    for (const connection of [...busy]) connection.check(nowMs);
    for (const connection of idle.filter((one) => nowMs - one.idleSinceMs >= KEEP_IDLE_MS))
      connection.destroy();
    if (busy.size + idle.length > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  return {
    async request(request) {
      for (;;) {
        if (closed) throw new ClosedError();
        request.signal?.throwIfAborted();
        const connection = take();
        busy.add(connection);
        work(request);
        try {
          return await connection.send(request);
        } catch (error) {
          if (request.once === true || !isStale(error, connection)) throw error;
        }
      }
    },
    async close() {
      closed = true;
      for (const connection of [...idle]) connection.destroy();
      if (busy.size > 0) await new Promise<void>((resolve) => closing.push(resolve));
      clearInterval(timer);
    },
  };
}

const GONE = new Set(['ECONNRESET', 'EPIPE']);

/** The server had closed an idle connection when we used it again: https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1 */
function isStale(error: unknown, connection: Connection): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return connection.requests > 1 && !connection.heard && GONE.has(String(error.code));
}
