/** Where the status server listens: a unix socket of this user, or a port of this host. */
import { lstatSync, unlinkSync } from 'node:fs';
import { connect, type ListenOptions, type NetConnectOpts } from 'node:net';
import { SyncError } from '#core/errors.ts';

/** What `status.listen` may hold, as Node wants it for listening and connecting. */
export function listenAddress(listen: string): ListenOptions & NetConnectOpts {
  if (listen.startsWith('/')) return { path: listen };
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(listen.slice(colon + 1)) };
}

/** `stale`: a socket file that nobody listens on. Throws when what is there cannot be told or is no socket. */
export async function addressState(listen: string): Promise<'free' | 'stale' | 'live'> {
  const isPath = listen.startsWith('/');
  const found = isPath ? lstatSync(listen, { throwIfNoEntry: false }) : undefined;
  if (isPath && found === undefined) return 'free';
  if (found !== undefined && !found.isSocket()) {
    throw refusal(listen, 'is there and is no socket', 'Correct status.listen, or move what is there away.');
  }
  const code = await connectionCode(listen);
  if (code === undefined) return 'live';
  if (code === 'ECONNREFUSED') return isPath ? 'stale' : 'free';
  // Removed in between.
  if (code === 'ENOENT') return 'free';
  throw refusal(
    listen,
    `cannot be tried: ${code}`,
    'Give the agent permission on it, or correct status.listen.',
  );
}

/** Removes what a killed agent left. */
export async function claimAddress(listen: string): Promise<void> {
  const state = await addressState(listen);
  if (state === 'stale') unlinkSync(listen);
  if (state === 'live') throw addressInUse(listen);
}

export function addressInUse(listen: string): SyncError {
  return refusal(
    listen,
    'is in use',
    'Another agent, or another program, listens there: stop it, or give this agent another status.listen.',
  );
}

function connectionCode(listen: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(listenAddress(listen));
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function refusal(listen: string, what: string, hint: string): SyncError {
  return new SyncError(`status address ${listen} ${what}`, {
    op: 'status',
    key: listen,
    retryable: false,
    code: 'StatusAddress',
    hint,
  });
}
