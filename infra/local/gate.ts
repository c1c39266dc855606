/** Stands on loopback before something else and can be shut: to those who come through it, the other side is down. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

export interface Gate {
  url: string;
  isOpen(): boolean;
  open(): void;
  /** Cuts every connection, in the middle of what it carries, and each new one at once. */
  shut(): void;
  stop(): Promise<void>;
}

/** @param target `http://host:port`; bytes pass as they are, so that signatures stay what they were */
export async function startGate(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target);
  const through = new Set<Socket>();
  let open = true;

  const server = createServer((socket) => {
    if (!open) {
      socket.resetAndDestroy();
      return;
    }
    const onward = connect(Number(port), hostname);
    for (const one of [socket, onward]) {
      through.add(one);
      one.once('close', () => through.delete(one));
    }
    // How a connection ends is for its two ends to know.
    pipeline(socket, onward, socket, () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const one of through) one.resetAndDestroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isOpen: () => open,
    open() {
      open = true;
    },
    shut() {
      open = false;
      cut();
    },
    async stop() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
