/** Stands between agent and store and lies, cuts, corrupts, stalls and forgets, request by request, until it is healed. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from './random.ts';
import { WIRE_FAULTS, type WireFault } from './wire-faults.ts';

export interface WireProxy {
  endpoint: string;
  /** From now on every request has this chance to meet a fault, of these kinds. */
  disturb(share: number, faults: readonly string[]): void;
  heal(): void;
  /** Each fault that has come to pass. */
  readonly fired: number;
  close(): Promise<void>;
}

export interface Exchange {
  method: string;
  /** Path and query. */
  target: string;
  body: Buffer;
  /** Of this exchange alone. */
  random: Random;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** What a client sees at the end of an exchange: an answer, as many bytes of it as stated, or a broken connection. */
export type Outcome =
  | Answer
  | { cut: true; answer?: Answer; bytes?: number }
  | { drip: Answer; delayMs: number };

export async function startWireProxy(target: string, random: Random): Promise<WireProxy> {
  const upstream = new URL(target);
  let share = 0;
  let kinds: readonly string[] = [];
  let fired = 0;

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>));
    const exchange = {
      method: incoming.method ?? '',
      target: incoming.url ?? '',
      body,
      random: random.fork(),
    };
    const pass = (changed: Buffer = body) => forward(incoming, changed);
    const fault = share > 0 && random.chance(share) ? faultFor(exchange) : undefined;
    const outcome = await (fault?.apply(exchange, pass) ?? pass());
    if (fault !== undefined) fired++;
    await tell(outgoing, outcome);
  }

  function faultFor(exchange: Exchange): WireFault | undefined {
    const fitting = kinds.map((name) => WIRE_FAULTS[name]).filter((one) => one?.fits(exchange) === true);
    return fitting.length === 0 ? undefined : random.pick(fitting);
  }

  function forward(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      // The same headers, Host among them: they are signed.
      const onward = request(
        {
          host: upstream.hostname,
          port: upstream.port,
          method: incoming.method,
          path: incoming.url,
          headers: incoming.headers,
        },
        (answer) => {
          Array.fromAsync(answer as AsyncIterable<Buffer>).then(
            (chunks) =>
              resolve({
                status: answer.statusCode ?? 0,
                headers: answer.headers,
                body: Buffer.concat(chunks),
              }),
            reject,
          );
        },
      );
      onward.on('error', reject);
      onward.end(body);
    });
  }

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    disturb(newShare, faults) {
      share = newShare;
      kinds = faults;
    },
    heal() {
      share = 0;
    },
    get fired() {
      return fired;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function tell(outgoing: ServerResponse, outcome: Outcome): Promise<void> {
  if ('cut' in outcome) {
    if (outcome.answer !== undefined) {
      const { status, headers, body } = outcome.answer;
      outgoing.writeHead(status, headers);
      outgoing.write(body.subarray(0, outcome.bytes ?? 0));
      await delay(1);
    }
    outgoing.destroy();
    return;
  }
  if ('drip' in outcome) {
    const { status, headers, body } = outcome.drip;
    outgoing.writeHead(status, headers);
    const size = Math.max(1, Math.ceil(body.length / 10));
    for (let at = 0; at < body.length && !outgoing.destroyed; at += size) {
      outgoing.write(body.subarray(at, at + size));
      await delay(outcome.delayMs);
    }
    outgoing.end();
    return;
  }
  outgoing.writeHead(outcome.status, outcome.headers);
  outgoing.end(outcome.body);
}
