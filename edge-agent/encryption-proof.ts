/**
 * A store that ignores a wish for encryption would be noticed only when the first file lies there open. So before any is
 * sent, an object of one byte is, whose answer names the encryption.
 */
import { randomUUID } from 'node:crypto';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { PROBE_NAME } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { FolderSettings } from '#core/settings/agent.ts';

const BODY = new Uint8Array(1);

/**
 * What it answers resolves once the store has shown that it encrypts as it is asked to, and asks only until then. It
 * throws `NotEncrypted`, from then on without asking, or what the store says; the next call asks again. A folder that
 * wants nothing needs no proof.
 */
export function createEncryptionProof(
  store: Pick<ObjectStore, 'put' | 'delete'>,
  { prefix, encryption: wanted }: Pick<FolderSettings, 'prefix' | 'encryption'>,
): () => Promise<void> {
  if (wanted === undefined) return async () => {};
  const { type, keyId } = wanted;
  const encryption = keyId === undefined ? { type } : { type, keyId };
  const key = objectKey(`${prefix}${PROBE_NAME}${randomUUID()}`);
  let asked: Promise<void> | undefined;

  async function ask(): Promise<void> {
    try {
      await store.put(key, BODY, { metadata: {}, encryption });
    } catch (error) {
      if (error instanceof SyncError && error.code === 'NotEncrypted') await remove();
      throw error;
    }
    await remove();
  }

  /** Credentials that may only add leave the byte behind, as they do with the probe of capabilities. */
  async function remove(): Promise<void> {
    try {
      await store.delete(key);
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'AccessDenied') throw error;
    }
  }

  return () => {
    asked ??= ask().catch((error: unknown) => {
      if (!(error instanceof SyncError) || error.code !== 'NotEncrypted') asked = undefined;
      throw error;
    });
    return asked;
  };
}
