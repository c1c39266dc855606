/** What stands between an agent and its store: it can be away, come back, change bytes on the way, and speak TLS. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { inject, onTestFinished } from 'vitest';

export interface LoopbackProxy {
  /** host:port */
  address: string;
  /** Closes the port and every connection: connecting is refused. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  /** Replaces text on the way, by text of the same length, until `heal`. */
  corrupt(direction: 'up' | 'down', text: string, by: string): void;
  heal(): void;
  /** Resolves when the text passes on its way up. */
  passes(text: string): Promise<void>;
  /** A connection on which the text is on its way up stands still from there on, until `heal`. */
  stall(text: string): void;
  /** Method and target of each request so far. */
  requests(): readonly string[];
}

interface Replacement {
  direction: 'up' | 'down';
  text: string;
  by: string;
}

const REQUEST = /((?:GET|HEAD|PUT|POST|DELETE) \/\S*) HTTP\/1\.1\r\n/g;

/** In front of the suite's server. */
export async function loopbackProxy(tls?: { key: string; cert: string }): Promise<LoopbackProxy> {
  const target = new URL(inject('endpoint'));
  const sockets = new Set<Socket>();
  const watching = new Set<(chunk: Buffer) => void>();
  const stalled = new Map<Socket, () => void>();
  let replacement: Replacement | undefined;
  const requests: string[] = [];
  let stallAt: string | undefined;
  let port = 0;
  let server: Server;

  const passOn = (direction: 'up' | 'down', from: Socket, to: Socket) => {
    from.on('data', (chunk: Buffer) => {
      if (direction === 'up') {
        for (const [, request = ''] of chunk.toString('latin1').matchAll(REQUEST)) requests.push(request);
        for (const watch of watching) watch(chunk);
        if (stallAt !== undefined && chunk.includes(stallAt)) {
          from.pause();
          stalled.set(from, () => to.write(chunk));
          return;
        }
      }
      const { text, by } = replacement?.direction === direction ? replacement : { text: '', by: '' };
      const at = text === '' ? -1 : chunk.indexOf(text);
      if (at >= 0) chunk.write(by, at);
      to.write(chunk);
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const accept = (client: Socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    sockets.add(client).add(upstream);
    passOn('up', client, upstream);
    passOn('down', upstream, client);
  };
  const comeBack = async () => {
    server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  const goAway = async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };

  await comeBack();
  onTestFinished(goAway);
  return {
    address: `127.0.0.1:${port}`,
    goAway,
    comeBack,
    corrupt: (direction, text, by) => {
      replacement = { direction, text, by };
    },
    heal() {
      replacement = undefined;
      stallAt = undefined;
      for (const [socket, goOn] of stalled) {
        goOn();
        socket.resume();
      }
      stalled.clear();
    },
    passes: (text) =>
      new Promise((resolve) => {
        const watch = (chunk: Buffer) => {
          if (!chunk.includes(text)) return;
          watching.delete(watch);
          resolve();
        };
        watching.add(watch);
      }),
    stall(text) {
      stallAt = text;
    },
    requests: () => requests,
  };
}
