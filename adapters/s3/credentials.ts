/** How long credentials are believed, and when their source is asked again. */
import type { Credentials } from './sigv4.ts';

export interface CredentialSource {
  (): Promise<Credentials>;
  /** The store refused these: unless others have come meanwhile, the next call asks the source again. */
  refresh(refused: Credentials): void;
}

export type ExpiringCredentials = Credentials & { expiration?: Date };

const EXPIRY_MARGIN_MS = 5 * 60_000;
/** A source that has nothing new is not asked for each request: it may be a process, or a service with a limit. */
const RELOAD_PAUSE_MS = 5_000;

/**
 * The AWS default chain (environment, profile, web identity, container, instance), cached until five minutes before
 * expiry. The SDK keeps expired credentials when the clock is wrong, so a refusal by the store calls `refresh`.
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export function defaultCredentials(profile?: string): CredentialSource {
  return cachedCredentials(async () => {
    const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
    return fromNodeProviderChain({ ignoreCache: true, ...(profile === undefined ? {} : { profile }) })();
  });
}

/** Credentials that never change. */
export function fixedCredentials(credentials: Credentials): CredentialSource {
  return cachedCredentials(async () => credentials);
}

export function sameCredentials(left: Credentials, right: Credentials): boolean {
  return (
    left.accessKeyId === right.accessKeyId &&
    left.secretAccessKey === right.secretAccessKey &&
    left.sessionToken === right.sessionToken
  );
}

/** Calls at the same time share one `load`. Rejects with what `load` rejects with, when nothing valid is at hand. */
export function cachedCredentials(
  load: () => Promise<ExpiringCredentials>,
  now: () => number = Date.now,
): CredentialSource {
  let known: ExpiringCredentials | undefined;
  let loading: Promise<ExpiringCredentials> | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let refused: { credentials: Credentials; sameAtMs: number } | undefined;

  const leftMs = () => (known?.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - now();
  const justAsked = (atMs: number) => now() - atMs < RELOAD_PAUSE_MS;

  async function reload(): Promise<ExpiringCredentials> {
    try {
      known = await load();
      if (refused !== undefined && sameCredentials(known, refused.credentials)) refused.sameAtMs = now();
      return known;
    } finally {
      askedAtMs = now();
      loading = undefined;
    }
  }

  const source = async (): Promise<Credentials> => {
    if (known !== undefined && (leftMs() > EXPIRY_MARGIN_MS || justAsked(askedAtMs))) return known;
    loading ??= reload();
    try {
      return await loading;
    } catch (error) {
      // The margin is there for this: what is still valid serves until the source answers again.
      if (known === undefined || leftMs() <= 0) throw error;
      return known;
    }
  };
  return Object.assign(source, {
    refresh: (credentials: Credentials) => {
      if (known === undefined || !sameCredentials(known, credentials)) return;
      if (refused !== undefined && justAsked(refused.sameAtMs)) return;
      refused = { credentials, sameAtMs: Number.NEGATIVE_INFINITY };
      known = undefined;
    },
  });
}
