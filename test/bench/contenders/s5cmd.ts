/** https://github.com/peak/s5cmd: 256 workers by default; with 16, 32 or 64 it was slower. */
import type { Target } from '../servers.ts';
import type { Peer } from './peer.ts';

export function s5cmd(program: string): Peer {
  const command = ({ endpoint, accessKeyId, secretAccessKey }: Target, args: readonly string[]) => ({
    program,
    args: ['--endpoint-url', endpoint, '--log', 'error', ...args],
    environment: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: 'us-east-1',
    },
  });
  return {
    name: 's5cmd',
    upload: (directory, to, prefix) =>
      command(to, ['cp', '--concurrency', '8', `${directory}/`, `s3://${to.bucket}/${prefix}`]),
    rerun: (directory, to, prefix) => command(to, ['sync', `${directory}/`, `s3://${to.bucket}/${prefix}`]),
    download: (from, prefix, directory) =>
      command(from, ['cp', `s3://${from.bucket}/${prefix}*`, `${directory}/`]),
    fetch: (from, prefix, directory) =>
      command(from, ['mv', `s3://${from.bucket}/${prefix}*`, `${directory}/`]),
    within: (from, to) => command(from, ['cp', `s3://${from.bucket}/*`, `s3://${to.bucket}/`]),
  };
}
