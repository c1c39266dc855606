/** `sluice-agent status`: from the index, and from the running agent when it answers. */
import { openBucketsDb } from '#adapters/host/buckets-db.ts';
import { openIndex } from '#adapters/host/index-db.ts';
import { SyncError } from '#core/errors.ts';
import type { HostSettings } from '#core/settings/agent.ts';
import { bucketsFile } from './bucket-live.ts';
import { type BucketStatus, bucketStatus, bucketTable } from './bucket-status.ts';
import { PROGRAM } from './command.ts';
import { indexFile, statusAddress } from './live.ts';
import { statusOf, statusTable } from './status.ts';
import { askStatus } from './status-client.ts';

/** @returns the exit code */
export async function statusCommand(
  settings: HostSettings,
  options: { json?: boolean | undefined; all?: boolean | undefined },
): Promise<number> {
  const live = await askStatus(statusAddress(settings)).catch((error: unknown) => {
    if (!(error instanceof SyncError)) throw error;
    process.stderr.write(`${PROGRAM}: ${error.message}; what follows is from the index alone\n`);
    return undefined;
  });
  const index = openIfThere(() => openIndex(indexFile(settings), { beside: true }));
  const folders = settings.folders.map((folder) => statusOf(folder, index, live));
  index?.close();
  const db = openIfThere(() => openBucketsDb(bucketsFile(settings), { beside: true }));
  const buckets: BucketStatus[] = [];
  for (const bucket of settings.buckets) buckets.push(...(await bucketStatus(bucket, db, live)));
  db?.close();
  const all = options.all === true;
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ running: live !== undefined, folders, buckets }, undefined, 2)}\n`
      : statusTable(folders, { all }) + bucketTable(buckets, { all }),
  );
  return 0;
}

/** An agent that has never run has no index, and nothing waits. */
function openIfThere<Opened>(open: () => Opened): Opened | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof SyncError && error.code === 'IndexAbsent') return undefined;
    throw error;
  }
}
