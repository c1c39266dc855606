/** One destination beside the hub, for those who fill it and those who compare it. */
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createDeleteGuard } from '#adapters/delete-permit.ts';
import { withExactKeys } from '#adapters/exact-keys.ts';
import { createLookQueue } from '#adapters/look-queue-sqs.ts';
import type { MirrorPorts, MirrorSettings } from '#adapters/mirror-object.ts';
import type { ReconcilePorts } from '#adapters/reconcile.ts';
import type { SegmentSettings } from '#adapters/reconcile-segment.ts';
import { createTagReader } from '#adapters/source-tags.ts';
import { createQueueSender } from '#adapters/sqs-send.ts';
import { LEDGER } from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import { type ReconcileMessage, reconcileText } from '#core/reconcile-message.ts';
import { type Destination, destinationSchema } from '#core/settings/destination.ts';
import { type StorePlace, samePlace } from '#core/settings/store-place.ts';
import { quirksOf } from '#core/store-type.ts';
import { hubPlaceOf, isSet, requiredText, settingOf } from './environment.ts';
import {
  env,
  liveControls,
  liveDeliveries,
  liveHub,
  liveLedger,
  liveReports,
  once,
  region,
  storeAt,
  typeOf,
} from './live.ts';

/** Of the function's memory, for the bytes of streamed copies; the rest is the runtime's and the sockets'. */
const BUDGET_SHARE = 0.4;

const memoryBytes = Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 512) * 1024 * 1024;

export const liveMirror = once((): { ports: Omit<MirrorPorts, 'remainingMs'>; settings: MirrorSettings } => {
  const settings = settingOf(env, 'destination', destinationSchema);
  const hub = hubPlaceOf(env, region);
  if (samePlace(settings, hub)) throw intoItself(settings);
  return {
    ports: {
      hub: liveHub(),
      destination: withExactKeys(storeAt(settings)),
      ledger: liveLedger(),
      controls: liveControls(),
      guard: createDeleteGuard(liveControls(), settings.name, settings.guard, Date.now),
      looks: createLookQueue({ queueUrl: requiredText(env, 'ownQueue') }),
      budget: createByteBudget(memoryBytes * BUDGET_SHARE),
      readTags: createTagReader(liveHub(), quirksOf(typeOf(hub)).tagCount),
      nowMs: Date.now,
    },
    settings: {
      ...settings,
      way: oneStore(settings, hub) ? 'server' : 'stream',
      tags: settings.tags === 'auto' ? keepsTags(settings) && keepsTags(hub) : settings.tags,
    },
  };
});
export const liveReconcile = once(
  (): { ports: Omit<ReconcilePorts, 'remainingMs'>; settings: SegmentSettings } => {
    const controls = liveControls();
    const comeBack = createQueueSender(requiredText(env, 'ownQueue'));
    const shared = {
      hub: liveHub(),
      ledger: liveLedger(),
      reports: liveReports(),
      controls,
      next: (message: ReconcileMessage) => comeBack([{ body: reconcileText(message) }]),
      nowMs: Date.now,
    };
    if (!isSet(env, 'destination')) {
      const deliveries = liveDeliveries();
      return {
        ports: {
          ...shared,
          looks: createLookQueue({ queueUrl: requiredText(env, 'ledgerQueue') }),
          ...(deliveries === undefined ? {} : { deliveries }),
        },
        settings: { name: LEDGER, prefix: '', deletes: false, createBucket: false },
      };
    }
    const settings = settingOf(env, 'destination', destinationSchema);
    if (samePlace(settings, hubPlaceOf(env, region))) throw intoItself(settings);
    return {
      ports: {
        ...shared,
        destination: storeAt(settings),
        guard: createDeleteGuard(controls, settings.name, settings.guard, Date.now),
        looks: createLookQueue({ queueUrl: requiredText(env, 'mirrorQueue') }),
      },
      settings,
    };
  },
);

function keepsTags(place: StorePlace): boolean {
  return quirksOf(typeOf(place)).tags;
}

/** Whether the store itself can copy from one to the other: the same service, asked with the same credentials. */
function oneStore(left: StorePlace, right: StorePlace): boolean {
  return left.endpoint === right.endpoint && left.credentials === right.credentials;
}

function intoItself({ name, bucket }: Destination): SyncError {
  return new SyncError(`destination ${name} is the hub itself (${bucket})`, {
    op: 'mirror',
    retryable: false,
    code: 'MirrorIntoItself',
    hint: 'Name another bucket in sluice.yaml.',
  });
}
