/** Lets a socket connect to the addresses of the internet only, unless others are allowed. */
import { type LookupAddress, type LookupAllOptions, lookup as resolve } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { SyncError } from '#core/errors.ts';
import { isPrivateAddress } from './private-address.ts';

export type Lookup = (
  host: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Looks at the address that is connected to, not at one that the name had before: a name server that gives a good
 * address first and a bad one afterwards gains nothing.
 */
export function guardedLookup(allowPrivate: boolean, lookup: Lookup = resolve): LookupFunction {
  return (host, { hints = 0, all = false, ...options }, callback) => {
    const family = options.family === 'IPv4' ? 4 : options.family === 'IPv6' ? 6 : (options.family ?? 0);
    lookup(host, { family, hints, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const refused = addresses.find(({ address }) => !allowPrivate && isPrivateAddress(address));
      if (refused !== undefined) return callback(privateAddress(host, refused.address), []);
      if (all) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first?.address ?? '', first?.family ?? 0);
    });
  };
}

/**
 * A host that is an address is connected to without asking a name server.
 *
 * @param host as in a URL, IPv6 in brackets
 * @throws SyncError `PrivateAddress`
 */
export function refusePrivateHost(host: string): void {
  const address = host.replace(/^\[|\]$/g, '');
  if (isIP(address) !== 0 && isPrivateAddress(address)) throw privateAddress(address, address);
}

function privateAddress(host: string, address: string): SyncError {
  return new SyncError(`${host} is at ${address}, which is not an address of the internet`, {
    op: 'connect',
    retryable: false,
    code: 'PrivateAddress',
    hint: 'Set allowPrivate: true for this URL if it is meant to be called there.',
  });
}
