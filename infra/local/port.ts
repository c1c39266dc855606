/** Which port the emulator can have, and who holds it when it cannot. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { SyncError } from '#core/errors.ts';

/** The port itself (0: any free one). Throws, naming the holder, when another process listens there. */
export async function claimPort(port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once('error', reject);
  server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
    const taken = (server.address() as AddressInfo).port;
    server.close(() => resolve(taken));
  });
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const holder = await portHolder(port);
    throw new SyncError(`port ${port} is taken${holder === undefined ? '' : ` by ${holder}`}`, {
      op: 'start-emulator',
      retryable: false,
      code: 'EADDRINUSE',
      hint: 'End that process, choose another port with --port (0: any free one), or set AWS_ENDPOINT_URL if it is the emulator that you want.',
      cause: error,
    });
  }
}

/** `process 4711 (python -m ministack)`, as far as /proc tells us: only the owner's processes show their sockets. */
async function portHolder(port: number): Promise<string | undefined> {
  const inode = await listeningInode(port);
  if (inode === undefined) return undefined;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of open) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      if (target !== `socket:[${inode}]`) continue;
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return `process ${pid} (${command.replaceAll('\0', ' ').trim().slice(0, 80)})`;
    }
  }
  return undefined;
}

/** https://man7.org/linux/man-pages/man5/proc_pid_net.5.html: state 0A is LISTEN, field 9 the inode. */
async function listeningInode(port: number): Promise<string | undefined> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(table, 'utf8').catch(() => '')).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(suffix) && fields[3] === '0A') return fields[9];
    }
  }
  return undefined;
}
