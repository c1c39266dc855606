/** From a file's path to its key. */
import { SyncError } from './errors.ts';
import { type ObjectKey, objectKey } from './key.ts';

/**
 * The key of a file: prefix and relative path. `text` is the path decoded as UTF-8, or `undefined` when its bytes are
 * not UTF-8: two such names would become one, so they are parked under a printable form of their name.
 *
 * @throws SyncError `InvalidKey`, naming the file
 */
export function fileKey(prefix: string, text: string | undefined, printable: string): ObjectKey {
  if (text !== undefined) return objectKey(prefix + text);
  throw new SyncError(`${printable}: the file name is not UTF-8`, {
    op: 'key',
    key: printable,
    retryable: false,
    code: 'InvalidKey',
    hint: 'Rename the file; it stays where it is until then.',
  });
}
