/** Some stores take a wish for encryption and ignore it: only the answer says what was done. */
import { SyncError } from '#core/errors.ts';
import type { WireRequest } from './wire.ts';

const HEADER = 'x-amz-server-side-encryption';

/**
 * Of PutObject: MinIO names the algorithm in its answers to that alone, AWS also in others.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-s3-encryption.html
 *
 * @throws SyncError `NotEncrypted` when the request asked for an algorithm and the answer does not name it
 */
export function requireEncryption(
  { op, key = '', headers = {} }: WireRequest,
  answered: Readonly<Record<string, string>>,
  bucket: string,
): void {
  const asked = headers[HEADER];
  if (asked === undefined || answered[HEADER] === asked) return;
  throw new SyncError(
    `${op} ${bucket}/${key}: encryption ${asked} was asked for, and the store answers ${answered[HEADER] ?? 'none'}`,
    {
      op,
      key,
      retryable: false,
      code: 'NotEncrypted',
      hint: 'What was sent may be in the store as it is. Take `encryption` from the settings, or use a store that has it.',
    },
  );
}
