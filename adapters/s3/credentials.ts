/** Where credentials come from, and how long they are believed. */
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import type { Credentials } from './sigv4.ts';

export interface CredentialSource {
  (): Promise<Credentials>;
  /** Forget what is cached; the next call asks the source again. */
  refresh(): void;
}

const EXPIRY_MARGIN_MS = 5 * 60_000;

/**
 * The AWS default chain (environment, profile, web identity, container, instance), cached until five minutes before
 * expiry. The SDK keeps expired credentials when the clock is wrong, so a refusal by the store calls `refresh`.
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export function defaultCredentials(profile?: string): CredentialSource {
  const make = () => fromNodeProviderChain(profile === undefined ? {} : { profile });
  return cachedCredentials(async () => make()());
}

/** Credentials that never change. */
export function fixedCredentials(credentials: Credentials): CredentialSource {
  return cachedCredentials(async () => credentials);
}

export function cachedCredentials(
  load: () => Promise<Credentials & { expiration?: Date }>,
  now: () => number = Date.now,
): CredentialSource {
  let cached: Promise<Credentials & { expiration?: Date }> | undefined;
  const source = async (): Promise<Credentials> => {
    const pending = cached ?? load();
    cached = pending;
    try {
      const credentials = await pending;
      if (
        credentials.expiration === undefined ||
        credentials.expiration.getTime() - now() > EXPIRY_MARGIN_MS
      ) {
        return credentials;
      }
    } catch (error) {
      if (cached === pending) cached = undefined;
      throw error;
    }
    if (cached === pending) cached = undefined;
    const renewed = load();
    cached = renewed;
    return renewed;
  };
  return Object.assign(source, {
    refresh: () => {
      cached = undefined;
    },
  });
}
