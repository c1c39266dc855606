/** Makes this process a client of the stack's endpoint, as if it had been started with its environment. */
import { trustAuthority } from '../../infra/local/certificate.ts';

export async function adoptEnvironment(environment: Readonly<Record<string, string>>): Promise<void> {
  Object.assign(process.env, environment);
  const authority = environment.NODE_EXTRA_CA_CERTS;
  // Node reads that variable only when it starts.
  if (authority !== undefined) await trustAuthority(authority);
}
