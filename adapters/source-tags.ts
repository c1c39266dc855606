/** The tags of an object that was just read, without asking for those that are not there. */
import type { ObjectAttributes, ObjectHead, ObjectStore } from '#core/ports.ts';

export type ReadTags = (head: ObjectHead) => Promise<NonNullable<ObjectAttributes['tags']>>;

/**
 * S3 counts the tags of an object in the answer to GET, and leaves the count away where there are none, or where the
 * reader may not read them: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (x-amz-tagging-count).
 * So until the store has answered the question once, it is asked of every object.
 *
 * @param counts whether the store is one that counts
 */
export function createTagReader(store: Pick<ObjectStore, 'tags'>, counts: boolean): ReadTags {
  let permitted: Promise<boolean> | undefined;
  return async ({ key, tagCount = 0 }) => {
    if (counts && tagCount === 0 && permitted !== undefined && (await permitted)) return {};
    const tags = store.tags(key);
    // Those who come meanwhile wait for the answer; a failure is thrown to who asked, and the next asks again.
    permitted = tags.then(
      () => true,
      () => false,
    );
    return tags;
  };
}
