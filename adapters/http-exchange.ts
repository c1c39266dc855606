/** One request over Node's own HTTP client, up to the beginning of its answer. */
import { Agent, type ClientRequest, type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { pipeline, type Readable } from 'node:stream';

interface Exchange {
  method: string;
  headers: Readonly<Record<string, string>>;
  /** A stream that does not have as many bytes as `content-length` says must fail. */
  body: Uint8Array | Readable | undefined;
  /** Ends the request, and the answer that is being read. */
  signal: AbortSignal;
}

export interface Exchanger {
  /** Follows no redirect. Rejects with what the socket, the body or the signal ended with. */
  send(url: URL, exchange: Exchange): Promise<IncomingMessage>;
  close(): void;
}

const KEEP_IDLE_MS = 30_000;

/** @param lookup asked for the address of every new connection to a host that has a name */
export function createExchanger(lookup: LookupFunction, connectWithinMs: number): Exchanger {
  const kept = { keepAlive: true, timeout: KEEP_IDLE_MS };
  const agents = { plain: new Agent(kept), tls: new TlsAgent(kept) };
  return {
    send: (url, { body, ...rest }) =>
      new Promise((resolve, reject) => {
        const options = { ...rest, lookup };
        const outgoing =
          url.protocol === 'https:'
            ? // Given here, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise hand signatures and bytes to anybody.
              requestTls(url, { ...options, agent: agents.tls, rejectUnauthorized: true })
            : requestPlain(url, { ...options, agent: agents.plain });
        outgoing.once('response', resolve);
        outgoing.once('error', (error) => reject(rest.signal.aborted ? rest.signal.reason : error));
        limitConnect(outgoing, connectWithinMs);
        if (body === undefined || body instanceof Uint8Array) outgoing.end(body);
        else pipeline(body, outgoing, (error) => error && reject(error));
      }),
    close: () => {
      agents.plain.destroy();
      agents.tls.destroy();
    },
  };
}

/** The agent's timeout is of silence on a connection that it keeps; a request in work has its signal. */
function limitConnect(outgoing: ClientRequest, withinMs: number): void {
  outgoing.once('socket', (socket) => {
    socket.setTimeout(0);
    if (!socket.connecting) return;
    const timer = setTimeout(() => {
      const message = `no connection within ${withinMs / 1000} s`;
      outgoing.destroy(Object.assign(new Error(message), { code: 'CONNECT_TIMEOUT' }));
    }, withinMs);
    const stop = () => clearTimeout(timer);
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', stop).once('close', stop);
  });
}
