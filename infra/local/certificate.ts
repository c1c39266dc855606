/** A certificate authority for the emulator alone, and a certificate of it for localhost. Needs the openssl command. */
import { execFile } from 'node:child_process';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates, rootCertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DAYS = '30';

export interface LocalCertificate {
  certificateFile: string;
  keyFile: string;
  /** The local authority alone; for clients that add it to their own list. */
  authorityFile: string;
  /** The public roots and the local authority; for clients whose setting replaces their list. */
  bundleFile: string;
}

/** The certificate in `directory`, created when it is missing or within a day of its end. */
export async function localCertificate(directory: string): Promise<LocalCertificate> {
  const file = (name: string) => join(directory, name);
  const certificate = {
    certificateFile: file('server.pem'),
    keyFile: file('server.key'),
    authorityFile: file('authority.pem'),
    bundleFile: file('bundle.pem'),
  };
  if (await stillGood(certificate)) return certificate;

  await mkdir(directory, { recursive: true, mode: 0o700 });
  const key = ['-newkey', 'rsa:2048', '-nodes', '-days', DAYS];
  await run('openssl', [
    'req',
    '-x509',
    ...key,
    ...['-keyout', file('authority.key'), '-out', certificate.authorityFile],
    ...['-subj', '/CN=Sluice local authority'],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'],
  ]);
  await run('openssl', [
    'req',
    '-x509',
    ...key,
    ...['-CA', certificate.authorityFile, '-CAkey', file('authority.key')],
    ...['-keyout', certificate.keyFile, '-out', certificate.certificateFile],
    ...['-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1'],
    ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth'],
  ]);
  const authority = await readFile(certificate.authorityFile, 'utf8');
  await writeFile(certificate.bundleFile, [...rootCertificates, authority].join('\n'));
  return certificate;
}

/** Makes this process trust the authority, as NODE_EXTRA_CA_CERTS does for the ones that it starts. */
export async function trustAuthority(authorityFile: string): Promise<void> {
  setDefaultCACertificates([...getCACertificates('default'), await readFile(authorityFile, 'utf8')]);
}

async function stillGood({ certificateFile, bundleFile }: LocalCertificate): Promise<boolean> {
  try {
    await access(bundleFile);
    await run('openssl', ['x509', '-in', certificateFile, '-noout', '-checkend', '86400']);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
