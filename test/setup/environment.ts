/** Makes this process a client of the stack's endpoint, as if it had been started with its environment. */
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

export function adoptEnvironment(environment: Readonly<Record<string, string>>): void {
  Object.assign(process.env, environment);
  const authority = environment.NODE_EXTRA_CA_CERTS;
  // Node reads that variable only when it starts.
  if (authority !== undefined) {
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(authority, 'utf8')]);
  }
}
