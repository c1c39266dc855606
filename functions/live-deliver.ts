/** What tells the file manager. */
import { createDeliveryQueue } from '#adapters/delivery-queue-sqs.ts';
import { createHttpFileManager } from '#adapters/file-manager-http.ts';
import { secretSigningKey } from '#adapters/secret.ts';
import { createBreaker } from '#core/breaker.ts';
import { fileManagerSchema, shareOfKeys } from '#core/settings/http-target.ts';
import type { DeliverPorts } from './deliver-key.ts';
import { requiredText, settingOf } from './environment.ts';
import { env, liveHub, liveLedger, once } from './live.ts';

/** Failures of the file manager in a row, each after the retries of its call; then it is left alone for so long. */
const BREAKER_FAILURES = 5;
const BREAKER_COOL_DOWN_MS = 30_000;

export const liveDeliver = once((): Omit<DeliverPorts, 'log'> & { keysAtOnce: number } => {
  const settings = settingOf(env, 'fileManager', fileManagerSchema);
  return {
    hub: liveHub(),
    ledger: liveLedger(),
    fileManager: createHttpFileManager(
      settings,
      settings.secret === undefined ? undefined : secretSigningKey(settings.secret),
    ),
    breaker: createBreaker({ failures: BREAKER_FAILURES, coolDownMs: BREAKER_COOL_DOWN_MS }),
    deliveries: createDeliveryQueue({ queueUrl: requiredText(env, 'deliveryQueue') }),
    deletes: settings.deletes,
    keysAtOnce: shareOfKeys(settings).keysEach,
    nowMs: Date.now,
  };
});
