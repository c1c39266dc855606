import { expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { createEncryptionProof } from '../../edge-agent/encryption-proof.ts';

const KMS = { type: 'aws:kms', keyId: 'alias/files' } as const;
const refusal = (code: string) => new SyncError(code, { op: 'test', retryable: false, code });

function asking(answers: (SyncError | string)[], refused?: SyncError) {
  const calls: string[] = [];
  const store = {
    async put(key: string, _body: Uint8Array, { encryption }: { encryption?: object }) {
      calls.push(`put ${key.replace(/[0-9a-f-]{36}$/, '')} ${JSON.stringify(encryption)}`);
      const answer = answers.shift() ?? 'unexpected';
      if (answer instanceof SyncError) throw answer;
      return { etag: answer };
    },
    async delete(key: string) {
      calls.push(`delete ${key.replace(/[0-9a-f-]{36}$/, '')}`);
      if (refused !== undefined) throw refused;
      return 'deleted' as const;
    },
  };
  return { store, calls };
}

it('is asked for once, for the encryption of the folder, and leaves nothing in the store', async () => {
  const { store, calls } = asking(['one']);
  const proven = createEncryptionProof(store, { prefix: 'out/', encryption: KMS });
  await Promise.all([proven(), proven()]);
  await proven();
  expect(calls).toEqual([
    'put out/.sluice-probe- {"type":"aws:kms","keyId":"alias/files"}',
    'delete out/.sluice-probe-',
  ]);
});

it('is refused for good by a store that does not encrypt', async () => {
  const { store, calls } = asking([refusal('NotEncrypted')]);
  const proven = createEncryptionProof(store, { prefix: '', encryption: { type: 'AES256' } });
  for (const _ of [1, 2]) await expect(proven()).rejects.toMatchObject({ code: 'NotEncrypted' });
  expect(calls).toEqual(['put .sluice-probe- {"type":"AES256"}', 'delete .sluice-probe-']);
});

it('is asked for again when the store was away', async () => {
  const { store } = asking([refusal('ECONNREFUSED'), 'two']);
  const proven = createEncryptionProof(store, { prefix: '', encryption: { type: 'AES256' } });
  await expect(proven()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await proven();
});

it('is not needed where nothing is wanted', async () => {
  const { store, calls } = asking([]);
  await createEncryptionProof(store, { prefix: '' })();
  expect(calls).toEqual([]);
});

it('holds for credentials that may only add, and for no other refusal of the cleanup', async () => {
  const folder = { prefix: '', encryption: { type: 'AES256' } } as const;
  await createEncryptionProof(asking(['one'], refusal('AccessDenied')).store, folder)();
  const failing = createEncryptionProof(asking(['one'], refusal('ECONNRESET')).store, folder);
  await expect(failing()).rejects.toMatchObject({ code: 'ECONNRESET' });
});
