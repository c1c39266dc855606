/**
 * https://rclone.org/s3/: at its fastest with the checks of each transfer left on. Where the bucket is known to be empty
 * it need not look (`--no-check-dest`), and the MD5 that the server checks makes a HEAD after each PUT needless
 * (`--s3-no-head`).
 */
import type { Target } from '../servers.ts';
import type { Peer } from './peer.ts';

/** 8 to 64 were tried on a server nearby; more only help where answers take long. */
const AT_ONCE = 16;
const LARGE = ['--s3-upload-concurrency', '8', '--s3-chunk-size', '32M'];

export function rclone(program: string): Peer {
  const remote = (name: string, { endpoint, accessKeyId, secretAccessKey }: Target) => ({
    [`RCLONE_CONFIG_${name}_TYPE`]: 's3',
    [`RCLONE_CONFIG_${name}_PROVIDER`]: 'Minio',
    [`RCLONE_CONFIG_${name}_ENDPOINT`]: endpoint,
    [`RCLONE_CONFIG_${name}_ACCESS_KEY_ID`]: accessKeyId,
    [`RCLONE_CONFIG_${name}_SECRET_ACCESS_KEY`]: secretAccessKey,
    [`RCLONE_CONFIG_${name}_NO_CHECK_BUCKET`]: 'true',
  });
  const command = (args: readonly string[], from: Target, to = from, atOnce = AT_ONCE) => ({
    program,
    args: [
      ...args,
      '--transfers',
      String(atOnce),
      '--checkers',
      '32',
      '--config=',
      '--stats',
      '0',
      '--log-level',
      'ERROR',
    ],
    environment: { ...remote('ONE', from), ...remote('OTHER', to) },
  });
  const empty = ['--no-check-dest', '--s3-no-head'];
  return {
    name: 'rclone',
    upload: (directory, to, prefix, atOnce) =>
      command(['copy', directory, `ONE:${to.bucket}/${prefix}`, ...empty, ...LARGE], to, to, atOnce),
    rerun: (directory, to, prefix) =>
      command(
        ['sync', directory, `ONE:${to.bucket}/${prefix}`, '--fast-list', '--update', '--use-server-modtime'],
        to,
      ),
    download: (from, prefix, directory) =>
      command(['copy', `ONE:${from.bucket}/${prefix}`, directory, '--no-check-dest', '--fast-list'], from),
    fetch: (from, prefix, directory) =>
      command(['move', `ONE:${from.bucket}/${prefix}`, directory, '--no-check-dest', '--fast-list'], from),
    within: (from, to) =>
      command(['copy', `ONE:${from.bucket}`, `ONE:${to.bucket}`, '--fast-list', ...empty], from),
    between: (from, to) =>
      command(['copy', `ONE:${from.bucket}`, `OTHER:${to.bucket}`, '--fast-list', ...empty], from, to),
  };
}
