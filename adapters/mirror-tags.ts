/** Carries the tags of an object to a copy that is otherwise as it should be. */
import type { ObjectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';

type Tags = Readonly<Record<string, string>>;

/** Whoever changes tags faster than that tells of it once more. */
const MAX_ROUNDS = 5;

/**
 * Makes the tags of the copy those of the source, and asks again until both have stayed the same.
 *
 * @param given what the caller has just written the copy with; absent: the destination is asked
 * @throws SyncError `NoSuchKey` when either object is gone
 */
export async function carryTags(
  hub: Pick<ObjectStore, 'tags'>,
  destination: Pick<ObjectStore, 'tags' | 'setTags'>,
  key: ObjectKey,
  target: ObjectKey,
  given?: Tags,
): Promise<'same' | 'set'> {
  let did: 'same' | 'set' = 'same';
  let written = given;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const [wanted, found] = await Promise.all([hub.tags(key), written ?? destination.tags(target)]);
    if (sameTags(wanted, found)) break;
    await destination.setTags(target, wanted);
    written = undefined;
    did = 'set';
  }
  return did;
}

export function sameTags(left: Tags, right: Tags): boolean {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}
