/** What the host of an endpoint tells of its store. */
import type { StoreType } from '../store-type.ts';

/** The ends of the hosts of known services, and where in the host the region stands. */
const SERVICES: readonly { type: StoreType; host: RegExp }[] = [
  // https://docs.aws.amazon.com/general/latest/gr/s3.html
  { type: 'aws', host: /^s3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d)?\.?amazonaws\.com(?:\.cn)?$/ },
  // https://www.backblaze.com/docs/cloud-storage-call-the-s3-compatible-api
  { type: 'b2', host: /^s3\.([a-z0-9-]+)\.backblazeb2\.com$/ },
  // https://docs.wasabi.com/docs/what-are-the-service-urls-for-wasabi-s-different-storage-regions
  { type: 'wasabi', host: /^s3\.(?:([a-z0-9-]+)\.)?wasabisys\.com$/ },
  // https://docs.digitalocean.com/products/spaces/details/availability/
  { type: 'spaces', host: /^([a-z0-9]+)\.digitaloceanspaces\.com$/ },
  // https://developers.cloudflare.com/r2/api/s3/api/
  { type: 'r2', host: /\.r2\.cloudflarestorage\.com$/ },
  { type: 'minio', host: /(?:^|[.-])minio(?:[.-]|$)|:9000$/ },
];
const PRIVATE_NAME = /^(?:localhost|[^.:]+|.*\.(?:local|internal|lan|localhost))$/;
/** https://www.rfc-editor.org/rfc/rfc1918, loopback and link-local. */
const PRIVATE_IPV4 = /^(?:10|127)\.|^192\.168\.|^169\.254\.|^172\.(?:1[6-9]|2\d|3[01])\./;

/** Type of the store and, where its host names one, the region. `host` may end with a port. */
export function storeOfHost(host: string): { type: StoreType; region?: string } {
  for (const { type, host: pattern } of SERVICES) {
    const match = pattern.exec(host.toLowerCase());
    if (match !== null) return { type, ...(match[1] === undefined ? {} : { region: match[1] }) };
  }
  return { type: 'other' };
}

/** Whether the host can only be of a private network, as far as its name or address tells. */
export function isPrivateHost(host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (name.startsWith('[')) return /^\[(?:::1|f[cd]|fe[89ab])/.test(name);
  return PRIVATE_NAME.test(name) || PRIVATE_IPV4.test(name);
}

/** Host with port of a URL that has a scheme. */
export function hostOf(url: string): string {
  return /^https?:\/\/(?:[^@/]*@)?([^/?#]+)/i.exec(url)?.[1] ?? '';
}
