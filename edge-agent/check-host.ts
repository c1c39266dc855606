/** What the agent needs of its host beside the folders: index, disk, status address. */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { bytesText, countText } from '#core/amounts.ts';
import { SyncError } from '#core/errors.ts';
import type { HostSettings } from '#core/settings/agent.ts';
import type { HostCheckTools } from './check.ts';
import { type Check, checkFailure, type Note } from './check-list.ts';
import { addressInUse, addressState } from './listen-address.ts';
import { stateDirectoryHint } from './state-directory.ts';
import { askStatus } from './status-client.ts';

/** An index of a million files has about 200 MiB; below this it may not even begin. */
const STATE_MIN_BYTES = 64 * 1024 * 1024;

/** PROC_SUPER_MAGIC and SYSFS_MAGIC, of https://man7.org/linux/man-pages/man2/statfs.2.html: they have the bits for writing. */
const OF_THE_KERNEL = new Set([0x9fa0, 0x62656572]);

export function hostChecks(settings: HostSettings, tools: HostCheckTools): Check[] {
  const { stateDirectory } = settings;
  const state = `state directory ${stateDirectory}`;
  return [
    { name: state, hint: 'Correct stateDirectory.', run: async () => checkStateDirectory(stateDirectory) },
    {
      name: 'index',
      hint: 'Look at the disk, and at the permissions of index.db.',
      needs: [state],
      run: async () => checkIndex(tools),
    },
    {
      name: `disk space of ${stateDirectory}`,
      hint: 'Look at the disk.',
      needs: [state],
      run: async () => checkSpace(stateDirectory, STATE_MIN_BYTES),
    },
    {
      name: `status address ${tools.statusListen}`,
      hint: 'Correct status.listen.',
      run: () => checkAddress(tools.statusListen),
    },
  ];
}

/** The agent makes it when it starts, where it may. */
function checkStateDirectory(path: string): string {
  const nearest = existing(path);
  const hint = stateDirectoryHint(path);
  if (!statSync(nearest).isDirectory()) throw checkFailure(`${nearest} is not a directory`, hint);
  if (OF_THE_KERNEL.has(statfsSync(nearest).type)) {
    throw checkFailure(`nothing can be made in ${nearest}: it is the kernel's`, hint);
  }
  try {
    accessSync(nearest, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw checkFailure(`${nearest} cannot be written: ${error.code}`, hint);
  }
  return nearest === path ? 'can be written' : 'can be created';
}

function checkIndex({ openIndex }: HostCheckTools): string {
  try {
    openIndex().close();
    return 'can be opened';
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    if (error.code === 'IndexAbsent') return 'is made when the agent starts';
    if (error.code === 'IndexTooOld') return 'is brought up to date when the agent starts';
    throw error;
  }
}

/** Of the filesystem that the path is on, for this user. */
export function checkSpace(path: string, leastBytes: number): string {
  const { bavail, bsize, ffree, files } = statfsSync(existing(path));
  const freeBytes = bavail * bsize;
  if (freeBytes < leastBytes) {
    throw checkFailure(
      `${bytesText(freeBytes)} free, ${bytesText(leastBytes)} needed`,
      'Free some space, or use a larger disk.',
    );
  }
  if (files > 0 && ffree === 0) {
    throw checkFailure('no inodes are left', 'Remove files, or make the filesystem anew with more inodes.');
  }
  // Some filesystems make inodes as they go.
  return `${bytesText(freeBytes)}${files > 0 ? ` and ${countText(ffree)} inodes` : ''} free`;
}

async function checkAddress(listen: string): Promise<string | Note> {
  const state = await addressState(listen);
  if (state === 'free') return 'is free';
  if (state === 'stale') return 'a killed agent left it; it is replaced at the next start';
  try {
    const running = await askStatus(listen);
    if (running?.agent === undefined) return 'is free';
    return `agent ${running.agent} ${running.version} runs there since ${running.startedAt}`;
  } catch (error) {
    if (!(error instanceof SyncError) && !(error instanceof SyntaxError)) throw error;
    throw addressInUse(listen);
  }
}

/** The path, or the directory above it that exists. */
function existing(path: string): string {
  let nearest = path;
  while (!existsSync(nearest)) nearest = dirname(nearest);
  return nearest;
}
