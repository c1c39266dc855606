/** Object keys: text becomes a key once, at the border, and cannot be wrong afterwards. */
import { SyncError } from './errors.ts';
import { utf8Length } from './utf8.ts';

declare const brand: unique symbol;
/** A key that S3 accepts: well-formed UTF-8 of 1 to 1,024 bytes. */
export type ObjectKey = string & { readonly [brand]: 'ObjectKey' };

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const MAX_KEY_BYTES = 1024;

/** Answers the key, or throws a `SyncError` that names it and says what is wrong with it. */
export function objectKey(text: string): ObjectKey {
  const fault = keyFault(text);
  if (fault !== undefined) {
    throw new SyncError(`key ${JSON.stringify(text.slice(0, 80))} ${fault}`, {
      op: 'key',
      key: text,
      retryable: false,
      code: 'InvalidKey',
      hint: 'Rename the file, or exclude it with an ignore pattern.',
    });
  }
  return text as ObjectKey;
}

/** Why the text cannot be a key, or `undefined` when it can. */
export function keyFault(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (!text.isWellFormed()) return 'is not well-formed Unicode';
  const bytes = utf8Length(text);
  return bytes > MAX_KEY_BYTES ? `has ${bytes} bytes; S3 allows ${MAX_KEY_BYTES}` : undefined;
}

/** Whether the key is a path as file systems have them: no name in it is empty, `.` or `..`; it may end with a slash. */
export function isPathLike(key: string): boolean {
  return !/(?:^|\/)(?:\.{0,2}\/|\.{1,2}$)/.test(key);
}

/**
 * The key of an S3 event. Notifications form-encode it: `+` is a space, `%2B` a plus.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function keyFromEvent(encoded: string): ObjectKey {
  let decoded: string;
  try {
    decoded = decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new SyncError(`event key ${JSON.stringify(encoded.slice(0, 80))} is not percent-encoded UTF-8`, {
      op: 'parse-event',
      key: encoded,
      retryable: false,
      code: 'InvalidKey',
      cause: error,
    });
  }
  return objectKey(decoded);
}
