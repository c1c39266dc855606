/** https://github.com/minio/mc */
import type { Target } from '../servers.ts';
import type { Command } from '../timed.ts';
import type { Peer } from './peer.ts';

const MIRROR = ['mirror', '--quiet'];

export function mc(program: string): Peer {
  const place = (alias: string, { bucket }: Target, prefix = '') => `${alias}/${bucket}/${prefix}`;
  const command = (args: readonly string[], from: Target, to = from) =>
    mcCommand(program, args, { one: from, other: to });
  return {
    name: 'mc',
    upload: (directory, to, prefix) => command([...MIRROR, `${directory}/`, place('one', to, prefix)], to),
    rerun: (directory, to, prefix) => command([...MIRROR, `${directory}/`, place('one', to, prefix)], to),
    download: (from, prefix, directory) =>
      command([...MIRROR, place('one', from, prefix), `${directory}/`], from),
    fetch: (from, prefix, directory) =>
      command(['mv', '--quiet', '--recursive', place('one', from, prefix), `${directory}/`], from),
    within: (from, to) => command([...MIRROR, place('one', from), place('one', to)], from),
    between: (from, to) => command([...MIRROR, place('one', from), place('other', to)], from, to),
  };
}

/** Uploads what is there, and then what comes, until it is stopped. */
export function mcWatch(program: string, directory: string, to: Target, prefix: string): Command {
  return mcCommand(program, [...MIRROR, '--watch', `${directory}/`, `one/${to.bucket}/${prefix}`], {
    one: to,
  });
}

/** Names what differs between two buckets. */
export function mcDiff(program: string, one: Target, other: Target): Command {
  return mcCommand(program, ['diff', `one/${one.bucket}/`, `other/${other.bucket}/`], { one, other });
}

function mcCommand(program: string, args: readonly string[], aliases: Record<string, Target>): Command {
  const hosts = Object.entries(aliases).map(([alias, { endpoint, accessKeyId, secretAccessKey }]) => {
    const { protocol, host } = new URL(endpoint);
    return [`MC_HOST_${alias}`, `${protocol}//${accessKeyId}:${secretAccessKey}@${host}`];
  });
  return { program, args, environment: Object.fromEntries(hosts) };
}
