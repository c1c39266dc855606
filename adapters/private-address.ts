/**
 * Whether an address is one that anybody on the internet can reach. Everything else belongs to a private network, to
 * this machine, or to the cloud's own services (169.254.169.254), and a URL in the settings must not lead there.
 */
import { BlockList, isIP } from 'node:net';

/** https://www.iana.org/assignments/iana-ipv4-special-registry/, and multicast and reserved (224/4, 240/4). */
const SPECIAL_IPV4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];
/** https://www.iana.org/assignments/iana-ipv6-special-registry/; tunnels (Teredo, 6to4) carry any IPv4 address. */
const SPECIAL_IPV6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];
/** They stand for the IPv4 address in their last 32 bits: mapped, and behind a NAT64. */
const CARRIES_IPV4 = ['::ffff:', '64:ff9b::'];

const special = new BlockList();
const reachable = new BlockList();
reachable.addSubnet('0.0.0.0', 0, 'ipv4');
/** https://www.iana.org/assignments/ipv6-address-space/: the only part that is handed out for unicast. */
reachable.addSubnet('2000::', 3, 'ipv6');
for (const [net, bits] of SPECIAL_IPV4) special.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of SPECIAL_IPV6) special.addSubnet(net, bits, 'ipv6');
for (const prefix of CARRIES_IPV4) {
  reachable.addSubnet(`${prefix}0.0.0.0`, 96, 'ipv6');
  for (const [net, bits] of SPECIAL_IPV4) special.addSubnet(`${prefix}${net}`, 96 + bits, 'ipv6');
}

/** @param address as text; a zone (`%eth0`) is allowed, what is no address counts as private. */
export function isPrivateAddress(address: string): boolean {
  const [bare = ''] = address.split('%');
  const version = isIP(bare);
  if (version === 0) return true;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  return special.check(bare, family) || !reachable.check(bare, family);
}
