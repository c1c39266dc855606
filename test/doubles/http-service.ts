/** A service on a port of its own that answers as the test says. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface HttpService {
  port: number;
  url: string;
  /** Method and target of each request so far. */
  requests: readonly string[];
}

/** @param answer of the request that is the nth, counted from 0 */
export async function httpService(
  answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void | Promise<void>,
): Promise<HttpService> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const nth = requests.length - 1;
    Promise.resolve(answer(request, response, nth)).catch((error: unknown) => {
      // Clients that go away in the middle are what these tests are about.
      if (!request.destroyed) throw error;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, requests };
}
