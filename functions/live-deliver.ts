/** What tells the file manager. */
import { createDeliveryQueue } from '#adapters/delivery-queue-sqs.ts';
import { createHttpFileManager } from '#adapters/file-manager-http.ts';
import { secretSigningKey } from '#adapters/secret.ts';
import { createBreaker, FILE_MANAGER_BREAKER } from '#core/breaker.ts';
import { fileManagerSchema, shareOfKeys } from '#core/settings/http-target.ts';
import type { DeliverPorts } from './deliver-key.ts';
import { requiredText, settingOf } from './environment.ts';
import { env, liveHub, liveLedger, once } from './live.ts';

export const liveDeliver = once((): Omit<DeliverPorts, 'log'> & { keysAtOnce: number } => {
  const settings = settingOf(env, 'fileManager', fileManagerSchema);
  return {
    hub: liveHub(),
    ledger: liveLedger(),
    fileManager: createHttpFileManager(
      settings,
      settings.secret === undefined ? undefined : secretSigningKey(settings.secret),
    ),
    breaker: createBreaker(FILE_MANAGER_BREAKER),
    deliveries: createDeliveryQueue({ queueUrl: requiredText(env, 'deliveryQueue') }),
    deletes: settings.deletes,
    keysAtOnce: shareOfKeys(settings).keysEach,
    nowMs: Date.now,
  };
});
