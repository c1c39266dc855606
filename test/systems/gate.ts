/** A port in front of a service: it notes connections and requests, can cut them, and can keep back what the service answers. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Gate {
  url: string;
  /** So far. */
  connections(): number;
  /** Method and target of each request so far. */
  requests(): readonly string[];
  /** That many of the next requests end with their connection, before the service hears of them. */
  cut(requests: number): void;
  /** The service is asked, and its answers stay here, until `open`. */
  close(): void;
  open(): void;
  stop(): Promise<void>;
}

const REQUEST = /((?:GET|HEAD|PUT|POST|DELETE) \/\S*) HTTP\/1\.1\r\n/g;

export async function startGate(targetUrl: string): Promise<Gate> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let counted = 0;
  let cuts = 0;
  let closed = false;
  const server = createServer((client) => {
    counted++;
    let kept = false;
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    }
    client.on('data', (chunk) => {
      for (const [, request = ''] of chunk.toString('latin1').matchAll(REQUEST)) requests.push(request);
      if (cuts === 0) {
        upstream.write(chunk);
        return;
      }
      cuts--;
      client.destroy();
    });
    upstream.on('data', (chunk) => {
      kept ||= closed;
      if (!kept) client.write(chunk);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => counted,
    requests: () => requests,
    cut(requests) {
      cuts = requests;
    },
    close() {
      closed = true;
    },
    open() {
      closed = false;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
