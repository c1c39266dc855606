/** Torture 38: certificates that prove nothing. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer, get } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { objectKey } from '#core/key.ts';
import { storeAt } from './scripted-server.ts';

const key = objectKey('k');
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  authority('trusted');
  authority('unknown');
  const trusted = readFileSync(join(directory, 'trusted.pem'), 'utf8');
  setDefaultCACertificates([...getCACertificates('default'), trusted]);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function openssl(command: string): void {
  execFileSync('openssl', command.split(' '), { cwd: directory, stdio: 'pipe' });
}

function authority(name: string): void {
  openssl(`req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.pem`);
}

interface Wanted {
  host: string;
  days: number;
  /** Absent: its own key. */
  signer?: string;
}

function certificate({ host, days, signer }: Wanted): { key: Buffer; cert: Buffer } {
  writeFileSync(join(directory, 'names'), `subjectAltName=DNS:${host}\n`);
  openssl(`req -newkey rsa:2048 -nodes -subj /CN=${host} -keyout host.key -out host.csr`);
  const by =
    signer === undefined ? '-signkey host.key' : `-CA ${signer}.pem -CAkey ${signer}.key -set_serial 7`;
  openssl(`x509 -req -in host.csr ${by} -days ${days} -extfile names -out host.pem`);
  return { key: readFileSync(join(directory, 'host.key')), cert: readFileSync(join(directory, 'host.pem')) };
}

async function serveTls(wanted: Wanted) {
  const seen: string[] = [];
  const server = createServer(certificate(wanted), (request, response) => {
    seen.push(request.method ?? '');
    response.setHeader('etag', '"e"').end();
  });
  return { seen, endpoint: await listening(server) };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

it('sends and receives large bodies through TLS, unchanged', async () => {
  const content = Buffer.from(Array.from({ length: 3_000_001 }, (_, index) => index % 251));
  let kept = Buffer.alloc(0);
  const server = createServer(
    certificate({ host: 'localhost', days: 2, signer: 'trusted' }),
    async (request, response) => {
      if (request.method === 'PUT') kept = Buffer.concat(await Array.fromAsync(request));
      response.setHeader('etag', '"e"').end(request.method === 'GET' ? kept : undefined);
    },
  );
  const store = storeAt(await listening(server));
  await store.put(key, content, { metadata: {} });
  expect(kept.equals(content)).toBe(true);
  const { body } = await store.get(key);
  expect(Buffer.concat(await Array.fromAsync(body)).equals(content)).toBe(true);
});

it('talks to a server whose certificate is right', async () => {
  const { endpoint, seen } = await serveTls({ host: 'localhost', days: 2, signer: 'trusted' });
  expect(await storeAt(endpoint).head(key)).toMatchObject({ etag: 'e' });
  expect(seen).toEqual(['HEAD']);
});

it.each<[string, Wanted, string, string]>([
  ['an expired', { host: 'localhost', days: -1, signer: 'trusted' }, 'CERT_HAS_EXPIRED', 'has expired'],
  ['a self-signed', { host: 'localhost', days: 2 }, 'DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
  [
    "an unknown authority's",
    { host: 'localhost', days: 2, signer: 'unknown' },
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'NODE_EXTRA_CA_CERTS',
  ],
  [
    "another host's",
    { host: 'other.example', days: 2, signer: 'trusted' },
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'another host name',
  ],
])('refuses %s certificate, says what to do, and sends nothing', async (_whose, wanted, code, hint) => {
  const { endpoint, seen } = await serveTls(wanted);
  const failure = { code, retryable: false, hint: expect.stringContaining(hint) };
  await expect(storeAt(endpoint).head(key)).rejects.toMatchObject(failure);
  expect(seen).toEqual([]);
});

it('refuses it also when the environment switches verification off for the whole process', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { endpoint, seen } = await serveTls({ host: 'localhost', days: 2 });
  await new Promise((resolve) => get(endpoint, resolve));
  expect(seen).toEqual(['GET']);
  await expect(storeAt(endpoint).head(key)).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  expect(seen).toEqual(['GET']);
});

it('says that a server without TLS has none', async () => {
  const endpoint = await listening(createPlainServer());
  const failure = { retryable: false, hint: expect.stringContaining('http://') };
  await expect(storeAt(endpoint).head(key)).rejects.toMatchObject(failure);
});
