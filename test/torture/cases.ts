/** The catalogue: what a hostile world does to a program like this. Each case has a campaign, or tests, or both. */

export interface Case {
  number: number;
  what: string;
  /** Beside the campaigns that name the case. */
  tests: readonly string[];
}

const HOST = 'test/adapters/host';
const AGENT = 'test/edge-agent';
const S3 = 'test/adapters/s3';

/** In the order of the numbers, from 1. */
const CATALOGUE: readonly [what: string, ...tests: string[]][] = [
  ['killed at any system call', `${AGENT}/upload-killed.test.ts`],
  ['killed at random times, ten thousand times'],
  ['power cut between download, rename and delete', `${AGENT}/older-file.test.ts`],
  ['power cut while the index is written'],
  ['fsync fails once', `${HOST}/incoming.test.ts`],
  ['ended by the kernel for want of memory'],
  ['suspended for hours, then resumed'],
  ['index of a newer version', `${HOST}/index-file.test.ts`],
  ['index corrupt, cut short, empty or missing', `${HOST}/index-damage.test.ts`],
  ['disk full', `${HOST}/index-full.test.ts`, `${AGENT}/receive-room.test.ts`],
  ['inodes used up'],
  ['too many open files'],
  ['unreadable file or directory', `${HOST}/scan.test.ts`, `${AGENT}/mirror.test.ts`],
  ['file system becomes read-only'],
  ['short writes and interrupted calls'],
  ['queue of inotify overflows', `${HOST}/watcher.test.ts`],
  ['no watches left', `${HOST}/polling.test.ts`],
  ['folder unmounted or replaced while running', `${HOST}/watcher.test.ts`],
  ['folder emptied', 'test/core/delete-guard.test.ts', `${AGENT}/mirror.test.ts`],
  ['two agents on one folder or prefix', `${HOST}/lock.test.ts`],
  ['file changes during its upload', `${AGENT}/move-file.test.ts`, `${HOST}/lease.test.ts`],
  ['same size, within one tick of the clock', `${HOST}/tree.test.ts`],
  ['file replaced by a rename during its upload', `${HOST}/trash.test.ts`],
  ['file gone between two looks', `${HOST}/tree.test.ts`],
  ['file without bytes', `${AGENT}/move.test.ts`],
  ['huge files and many parts', `${AGENT}/upload-file.test.ts`, `${AGENT}/upload-resume.test.ts`],
  ['fifo, socket, device', `${AGENT}/move.test.ts`],
  ['symlinks and hard links', `${HOST}/open-beneath.test.ts`, `${AGENT}/mirror.test.ts`],
  ['names that are not UTF-8', `${AGENT}/move.test.ts`],
  ['strange but valid names', `${S3}/store.test.ts`],
  ['names of 255 bytes', `${HOST}/incoming.test.ts`],
  ['keys beyond 1,024 bytes, lone surrogates', 'test/core/key.test.ts', `${AGENT}/move.test.ts`],
  ['hostile keys', 'test/core/local-path.test.ts', `${AGENT}/receive-keys.test.ts`],
  ['symlink swapped in during a download', `${AGENT}/receive-swap.test.ts`],
  ['endless listing', `${S3}/listing.test.ts`],
  ['control characters in listings', `${S3}/listing.test.ts`],
  [
    'endpoints and redirects that lead elsewhere',
    `${S3}/wire-redirect.test.ts`,
    'test/adapters/guarded-http.test.ts',
  ],
  ['untrusted TLS', `${S3}/wire-tls.test.ts`],
  ['200 with an error in it', `${S3}/wire-faults.test.ts`],
  ['truncated download', `${S3}/wire-faults.test.ts`],
  ['corrupt download', `${AGENT}/receive-file.test.ts`],
  ['ETags that are no MD5', 'test/core/mirror-plan.test.ts'],
  ['wrong ETag or checksum in the answer', `${S3}/store-requests.test.ts`],
  ['reply lost after the commit', `${S3}/wire-faults.test.ts`],
  ['stalled connection', `${S3}/wire-faults.test.ts`],
  ['store asks to slow down', `${S3}/pace.test.ts`],
  ['store cannot be reached', 'test/systems/relic.test.ts'],
  ['clocks that differ and jump', 'test/core/retention.test.ts'],
  ['credentials expire', `${S3}/agent-credentials.test.ts`],
  ['abandoned uploads', `${AGENT}/upload-abandoned.test.ts`],
  ['events doubled, reordered, delayed', 'test/core/sequencer.test.ts', 'test/core/replay.test.ts'],
  ['events lost', 'test/adapters/reconcile.test.ts'],
  ['keys in events', 'test/core/s3-event.test.ts'],
  ['poison messages and partial batches', 'test/functions/sqs-batch.test.ts'],
  ['a mirror into itself', 'test/core/settings/deployment.test.ts'],
  ['conditional writes and throttling of the ledger', 'test/adapters/ledger-dynamo.test.ts'],
  ['CSV injection, hostile callbacks', 'test/core/report.test.ts', 'test/adapters/file-manager-http.test.ts'],
  [
    'retention, secrets, permissions',
    `${AGENT}/expire.test.ts`,
    `${AGENT}/canary.test.ts`,
    'test/infra/stack.test.ts',
  ],
];

export const CASES: readonly Case[] = CATALOGUE.map(([what, ...tests], at) => ({
  number: at + 1,
  what,
  tests,
}));
