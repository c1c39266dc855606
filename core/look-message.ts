/** A message of Sluice's own to the consumers of the hub's events: look at these keys, whatever happened to them. */
import { keyFault, objectKey } from './key.ts';
import type { Look } from './ports.ts';
import type { ObjectEvent } from './s3-event.ts';
import * as z from './schema.ts';

/** A key has at most 1,024 bytes, which JSON can make 6,144; SQS and SNS take 256 KiB. */
const LOOKS_A_MESSAGE = 40;

const message = z.strictObject({
  sluice: z.literal('look'),
  version: z.literal(1),
  looks: z.array(
    z.strictObject({
      key: z.string().check(z.refine((text) => keyFault(text) === undefined, { error: 'an object key' })),
      reason: z.string(),
      approvedBy: z.optional(z.string()),
    }),
  ),
});

/** The texts of the messages that ask for all of it, in order. */
export function lookMessages(looks: readonly Look[]): string[] {
  return Array.from({ length: Math.ceil(looks.length / LOOKS_A_MESSAGE) }, (_, index) =>
    JSON.stringify({
      sluice: 'look',
      version: 1,
      looks: looks.slice(index * LOOKS_A_MESSAGE, (index + 1) * LOOKS_A_MESSAGE),
    }),
  );
}

/** The events of such a message; `undefined` when the value is another kind of message. */
export function eventsOfLooks(value: unknown, bucket: string): ObjectEvent[] | undefined {
  const result = message.safeParse(value);
  if (!result.success) return undefined;
  return result.data.looks.map(({ key, reason, approvedBy }) => ({
    kind: 'look',
    name: `Look: ${reason}`,
    bucket,
    key: objectKey(key),
    sequencer: '',
    etag: '',
    sizeBytes: 0,
    versionId: '',
    timeMs: 0,
    ...(approvedBy === undefined ? {} : { approvedBy }),
  }));
}
