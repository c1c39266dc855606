/** Connects to the addresses of the internet only, unless others are allowed. */
import { type LookupAddress, type LookupAllOptions, lookup as resolve } from 'node:dns';
import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { SyncError } from '#core/errors.ts';
import { isPrivateAddress } from './private-address.ts';

export type Lookup = (
  host: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface GuardedConnectorOptions {
  allowPrivate: boolean;
  /** Default: 10 seconds. */
  connectTimeoutMs?: number;
  lookup?: Lookup;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Looks at the address that is connected to, not at one that the name had before: a name server that gives a good
 * address first and a bad one afterwards gains nothing.
 */
export function guardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
  const { allowPrivate, connectTimeoutMs = CONNECT_TIMEOUT_MS, lookup = resolve } = options;
  const connect = buildConnector({
    timeout: connectTimeoutMs,
    // Given here, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise hand signatures and bytes to anybody.
    rejectUnauthorized: true,
    lookup: (host, { family = 0, hints = 0, all = false }, callback) => {
      lookup(host, { family, hints, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, []);
        const refused = addresses.find(({ address }) => !allowPrivate && isPrivateAddress(address));
        if (refused !== undefined) return callback(privateAddress(host, refused.address), []);
        if (all) return callback(null, addresses);
        const [first] = addresses;
        callback(null, first?.address ?? '', first?.family ?? 0);
      });
    },
  });
  return (target, callback) => {
    // A host that is an address is connected to without asking a name server.
    const host = target.hostname.replace(/^\[|\]$/g, '');
    if (!allowPrivate && isIP(host) !== 0 && isPrivateAddress(host)) {
      return callback(privateAddress(host, host), null);
    }
    connect(target, callback);
  };
}

function privateAddress(host: string, address: string): SyncError {
  return new SyncError(`${host} is at ${address}, which is not an address of the internet`, {
    op: 'connect',
    retryable: false,
    code: 'PrivateAddress',
    hint: 'Set allowPrivate: true for this URL if it is meant to be called there.',
  });
}
