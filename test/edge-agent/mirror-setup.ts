/** A real folder of which single files are brought to the bucket, a real index, and a store in memory. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import { createDeletions } from '../../edge-agent/deletions.ts';
import { createLeases } from '../../edge-agent/leases.ts';
import { type MirrorContext, mirrorFile } from '../../edge-agent/mirror-file.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import { fileContext } from './file-context.ts';
import { startedAfterLoss } from './host-starts.ts';
import { storeSettings } from './store-settings.ts';

const HOUR_MS = 3_600_000;

export function mirrorSetup(folder: Record<string, unknown> = {}) {
  const root = temporaryFolder();
  const clock = { ms: Date.now() };
  const store = createMemoryStore({ nowMs: () => clock.ms });
  const index = openIndex(join(temporaryFolder(), 'index.db'));
  const leases = createLeases();
  const fd = openSync(root, 'r');
  onTestFinished(() => {
    closeSync(fd);
    leases.close();
    index.close();
  });
  const settings = storeSettings({
    store: { bucket: 'bucket' },
    folders: [{ name: 'out', path: root, prefix: 'out/', mode: 'mirror', settle: '0s', ...folder }],
  });
  const context: MirrorContext = {
    ...fileContext({ path: root, fd }, { settings, store, index, leases }),
    adopting: () => undefined,
    isBeingDeleted: (path) => deletions.isOnTheWay(path),
    onGone: (path) => deletions.add(path),
  };
  /** What the file system of the folder has been called. */
  const devices = new Set<bigint>();
  const deletions = createDeletions(context, () => undefined, devices);
  return {
    root,
    clock,
    store,
    index,
    context,
    deletions,
    devices,
    path: (name: string) => join(root, name),
    mirror: (name: string) => mirrorFile(context, Buffer.from(name)),
    row(name: string) {
      const row = index.get('out', Buffer.from(name));
      if (row === undefined) throw new Error(`no row of ${name}`);
      return row;
    },
    /** Everything that is there now was touched before the host started. */
    powerCut() {
      context.hostStart = startedAfterLoss(Date.now() + HOUR_MS);
    },
  };
}
