/** `agent check`: everything the agent depends on, tried for real, with what to do about each failure. */
import { randomUUID } from 'node:crypto';
import { accessSync, closeSync, constants, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { releaseLease, takeReadLease } from '#adapters/host/lease.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { AgentSettings, FolderSettings } from '#core/settings/agent.ts';

export interface CheckResult {
  name: string;
  ok: boolean;
  detail: string;
  hint?: string;
}

/** Below it a tree of some size runs out of watches. */
const FEW_WATCHES = 65_536;

export async function runChecks(settings: AgentSettings, store: ObjectStore): Promise<CheckResult[]> {
  const { store: where, folders } = settings;
  const results = [
    await tried(`store ${where.endpoint ?? 'AWS'}, bucket ${where.bucket}`, async () => {
      await store.head(objectKey(`${folders[0]?.prefix ?? ''}.sluice-check-${randomUUID()}`));
      return 'credentials, bucket and read permission are right';
    }),
    await tried('watch limit', async () => {
      const limit = Number(readFileSync('/proc/sys/fs/inotify/max_user_watches', 'utf8'));
      if (limit >= FEW_WATCHES) return `${limit} directories can be watched`;
      throw failure(
        `only ${limit} directories can be watched`,
        'Raise fs.inotify.max_user_watches with sysctl.',
      );
    }),
  ];
  for (const folder of folders) results.push(...(await checkFolder(folder)));
  return results;
}

async function checkFolder({ name, path }: FolderSettings): Promise<CheckResult[]> {
  const access = await tried(`folder ${name}`, async () => {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return `${path} can be read and written`;
  });
  if (!access.ok) return [{ ...access, hint: `Create ${path}, or give the agent permission on it.` }];
  const leases = await tried(`leases in ${name}`, async () => {
    const probe = `${path}/.sluice-check-${randomUUID()}`;
    writeFileSync(probe, '');
    const fd = openSync(probe, 'r');
    try {
      const taken = takeReadLease(fd);
      if (taken === 'held') releaseLease(fd);
      return taken === 'unsupported'
        ? 'not supported here: a file counts as complete when it has not changed for the settle time'
        : 'supported: a file counts as complete when nobody has it open for writing';
    } finally {
      closeSync(fd);
      unlinkSync(probe);
    }
  });
  return [access, leases];
}

async function tried(name: string, attempt: () => Promise<string>): Promise<CheckResult> {
  try {
    return { name, ok: true, detail: await attempt() };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const hint = error instanceof SyncError ? error.hint : undefined;
    return { name, ok: false, detail: error.message, ...(hint === undefined ? {} : { hint }) };
  }
}

function failure(message: string, hint: string): SyncError {
  return new SyncError(message, { op: 'check', retryable: false, hint });
}
