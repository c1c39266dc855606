/**
 * Events that customers send of their own: what happened to a key, as far as they know. They are hints: what is there is
 * looked up. Only permissions are believed, because no store keeps them.
 */
import { canonicalJson } from './canonical-json.ts';
import { SyncError } from './errors.ts';
import { keyFault, objectKey } from './key.ts';
import { malformedMessage } from './message-json.ts';
import type { ObjectEvent } from './s3-event.ts';
import * as z from './schema.ts';
import { utf8Length } from './utf8.ts';

const VERSION = 1;
/** A row of the ledger has room for 400 KB; nobody needs a tenth of it. */
const MAX_PERMISSION_BYTES = 16 * 1024;
const MAX_DEPTH = 32;

const common = {
  version: z
    .literal(VERSION)
    .check(z.describe('The major version of this schema. Fields that are not listed are ignored.')),
  id: z.string().check(z.minLength(1), z.maxLength(256), z.describe('Names the event in logs.')),
  bucket: z
    .optional(z.string().check(z.minLength(1), z.maxLength(63)))
    .check(z.describe('The bucket of the key; absent: the hub.')),
  key: keyOf('The key that the event is about: UTF-8, 1 to 1,024 bytes, not percent-encoded.'),
  time: z.pipe(
    z.iso
      .datetime({ offset: true })
      .check(
        z.describe('When it happened: ISO 8601 with a time zone. The newest permissions of a key count.'),
      ),
    z.coerce.date(),
  ),
};
const newKey = keyOf('The key that the object has now.');

export const customerEvent = z
  .discriminatedUnion('type', [
    z.object({
      ...common,
      type: z.enum(['create', 'delete']).check(z.describe('The object was written, or is gone.')),
    }),
    z.object({
      ...common,
      type: z.enum(['rename', 'move']).check(z.describe('The object has another key.')),
      newKey,
    }),
    z.object({
      ...common,
      type: z.literal('change_permission').check(z.describe('Who may do what has changed.')),
      permissions: z.unknown().check(
        z.superRefine((value, context) => {
          const problem = permissionFault(value);
          if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
        }),
        z.meta({
          type: 'object',
          description:
            'All permissions of the key, handed to the file manager as they are: an object of at most 16 KiB as JSON, nested at most 32 levels deep.',
        }),
      ),
    }),
  ])
  .check(z.meta({ title: 'An event for Sluice' }));

/** Whether the value means to be such an event, be it right or wrong. */
export function isCustomerEvent(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'version' in value && 'type' in value;
}

/**
 * A rename is two events: one of the key that went, and one of the key that came, which names the other.
 *
 * @param hub the bucket of events that name none
 * @throws SyncError, not retryable, naming what is wrong: such a message belongs in the dead-letter queue
 */
export function eventsOfCustomer(value: unknown, hub: string): ObjectEvent[] {
  const version =
    typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined;
  if (version !== VERSION) throw unknownVersion(version);
  const result = customerEvent.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw malformedMessage(
      `is no customer event: ${issue?.path.join('.') || 'the message'}: ${issue?.message}`,
    );
  }
  const { data } = result;
  const looked = (key: string): ObjectEvent => ({
    kind: 'look',
    name: `Customer:${data.type} ${data.id}`,
    bucket: data.bucket ?? hub,
    key: objectKey(key),
    sequencer: '',
    etag: '',
    sizeBytes: 0,
    versionId: '',
    timeMs: data.time.getTime(),
  });
  switch (data.type) {
    case 'rename':
    case 'move':
      if (data.key === data.newKey) throw malformedMessage('is no customer event: newKey: the same as key');
      return [looked(data.key), { ...looked(data.newKey), renamedFrom: objectKey(data.key) }];
    case 'change_permission':
      return [{ ...looked(data.key), permissions: canonicalJson(data.permissions) }];
    default:
      return [looked(data.key)];
  }
}

function keyOf(description: string) {
  return z.string().check(
    z.minLength(1),
    z.maxLength(1024),
    z.refine((text) => keyFault(text) === undefined, {
      error: ({ input }) => `a key that ${keyFault(String(input))}`,
    }),
    z.describe(description),
  );
}

/** Depth first: the rest of the work goes down as deep as the value does. */
function permissionFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'expected an object';
  if (isDeeper(value, MAX_DEPTH)) return `nested deeper than ${MAX_DEPTH} levels`;
  const json = canonicalJson(value);
  if (!json.isWellFormed()) return 'not well-formed Unicode';
  const bytes = utf8Length(json);
  return bytes > MAX_PERMISSION_BYTES ? `${bytes} bytes; at most ${MAX_PERMISSION_BYTES}` : undefined;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1));
}

function unknownVersion(version: unknown): SyncError {
  const said = JSON.stringify(version)?.slice(0, 40) ?? 'none';
  return new SyncError(`the message is a customer event of version ${said}; known is ${VERSION}`, {
    op: 'parse-event',
    retryable: false,
    code: 'UnknownVersion',
    hint: 'docs/events.md tells what events look like; deploy a newer Sluice if there is one that knows this version.',
  });
}
