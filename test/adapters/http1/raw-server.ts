/** A server that speaks bytes, right or wrong, and the pool in front of it. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import type { HttpRequest } from '#adapters/http1/connection.ts';
import { createPool, type HttpPool, type PoolOptions } from '#adapters/http1/pool.ts';

export interface RawServer {
  origin: string;
  port: number;
  /** Every connection so far, the first one first. */
  sockets: Socket[];
  /** All that was sent to it, one character a byte. */
  heard(): string;
}

/** Calls `answer` when a request has arrived, with all that the connection has sent since the one before. */
export async function rawServer(answer: (socket: Socket, request: string) => void): Promise<RawServer> {
  const sockets: Socket[] = [];
  let heard = '';
  const server = createServer((socket) => {
    sockets.push(socket);
    let text = '';
    // Ends that the tests make on purpose.
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      heard += bytes.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/.exec(text)?.[1] ?? 0);
      if (end === -1 || text.length < end + 4 + length) return;
      const request = text;
      text = '';
      answer(socket, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, sockets, heard: () => heard };
}

export function poolAt(origin: string, options: Partial<PoolOptions> = {}): HttpPool {
  const pool = createPool({ origin, connectWithinMs: 10_000, idleWithinMs: 10_000, ...options });
  onTestFinished(() => pool.close());
  return pool;
}

export function request(method: string, options: Partial<HttpRequest> = {}): HttpRequest {
  const { body = new Uint8Array() } = options;
  const length = method === 'PUT' || method === 'POST' ? `content-length: ${body.length}\r\n` : '';
  const head = `${method} /k HTTP/1.1\r\nhost: h\r\n${length}\r\n`;
  return { method, head, body, answerWithinMs: 10_000, ...options };
}

const CHUNK_BYTES = 64 * 1024;

/** An answer with this body, in writes of which each is taken or waits. */
export function answerAtLength(socket: Socket, content: Buffer): void {
  socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`);
  for (let at = 0; at < content.length; at += CHUNK_BYTES)
    socket.write(content.subarray(at, at + CHUNK_BYTES));
}

/** Resolves when the other side takes no more; answers how many bytes wait for it. */
export async function stalled(socket: Socket | undefined): Promise<number> {
  let before = -1;
  await expect
    .poll(() => {
      const waiting = socket?.writableLength ?? 0;
      const same = waiting > 0 && waiting === before;
      before = waiting;
      return same;
    })
    .toBe(true);
  return before;
}
