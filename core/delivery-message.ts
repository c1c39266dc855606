/** A message of the delivery queue: one key whose delivery has to be looked at. */
import { SyncError } from './errors.ts';
import { keyFault, type ObjectKey, objectKey } from './key.ts';
import type { DeliveryRequest } from './ports.ts';
import * as z from './schema.ts';

const key = z.string().check(z.refine((text) => keyFault(text) === undefined, { error: 'an object key' }));
const message = z.strictObject({
  sluice: z.literal('delivery'),
  version: z.literal(1),
  key,
  revision: z.int().check(z.minimum(0)),
  renamedFrom: z.optional(key),
  again: z.optional(z.string()),
});

/** Requests of one key share a group, and a rename is in the group of the key that goes. */
export function deliveryGroup({ key, renamedFrom }: DeliveryRequest): ObjectKey {
  return renamedFrom ?? key;
}

/** What makes two requests one within the window of a FIFO queue (5 minutes). */
export function deliveryIdentity({ key, revision, renamedFrom, again }: DeliveryRequest): string {
  return JSON.stringify([key, revision, renamedFrom ?? '', again ?? '']);
}

export function deliveryMessage(request: DeliveryRequest): string {
  return JSON.stringify({ sluice: 'delivery', version: 1, ...request });
}

/** @throws SyncError, not retryable, naming what is wrong: such a message belongs in the dead-letter queue */
export function parseDeliveryMessage(body: string): DeliveryRequest {
  let problem: string;
  try {
    const result = message.safeParse(JSON.parse(body));
    if (result.success) {
      const { key, revision, renamedFrom, again } = result.data;
      return {
        key: objectKey(key),
        revision,
        ...(renamedFrom === undefined ? {} : { renamedFrom: objectKey(renamedFrom) }),
        ...(again === undefined ? {} : { again }),
      };
    }
    problem = z.prettifyError(result.error);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    problem = error.message;
  }
  throw new SyncError(`the message is no delivery request: ${problem}`, {
    op: 'parse-delivery',
    retryable: false,
    code: 'BadDelivery',
  });
}
