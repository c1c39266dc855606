/** What the agent needs of a folder: that it is the right one, and what its filesystem can tell about changes. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  opendirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { releaseLease, takeReadLease } from '#adapters/host/lease.ts';
import { isSystemError } from '#adapters/host/libc.ts';
import { HIDDEN_DIRECTORY, joinPath, listDirectory } from '#adapters/host/tree.ts';
import { FEW_DIRECTORIES } from '#adapters/host/watch-session.ts';
import { watchTree } from '#adapters/host/watcher.ts';
import { countText } from '#core/amounts.ts';
import { SyncError } from '#core/errors.ts';
import type { AgentSettings, FolderSettings } from '#core/settings/agent.ts';
import type { CheckTools } from './check.ts';
import { checkSpace } from './check-host.ts';
import { type Check, checkFailure, type Note } from './check-list.ts';
import { folderFault } from './folder-claim.ts';

const WATCH_LIMIT_FILE = '/proc/sys/fs/inotify/max_user_watches';
const ALL_OF_IT = constants.R_OK | constants.W_OK | constants.X_OK;
/** Counting goes on that long; a larger folder is counted no further. */
const COUNT_WITHIN_MS = 5_000;
/** Other programs of the user watch too, and folders grow. */
const COMFORTABLE_SHARE = 0.8;
/** https://man7.org/linux/man-pages/man7/capabilities.7.html */
const CAP_DAC_READ_SEARCH = 2n;
const CAP_SYS_ADMIN = 21n;

export function folderChecks(settings: AgentSettings, tools: CheckTools): Check[] {
  return settings.folders.flatMap((folder) => {
    const { name, path, mode } = folder;
    const access = `folder ${name}`;
    const identity = `identity of ${name}`;
    const least = mode === 'receive' ? settings.limits.minFreeBytes : 0;
    const watches = mode !== 'receive' && folder.schedule === 'close';
    const hint = `Look at ${path}: is its disk mounted, writable and whole?`;
    return [
      { name: access, hint, run: async () => checkAccess(path) },
      { name: identity, hint, needs: [access], run: async () => checkIdentity(folder, tools) },
      { name: `disk space of ${name}`, hint, needs: [access], run: async () => checkSpace(path, least) },
      { name: `leases in ${name}`, hint, needs: [identity], run: () => checkLeases(folder) },
      ...(watches
        ? [
            {
              name: `watching ${name}`,
              hint,
              needs: [identity],
              run: () => checkWatch(folder, settings.rescan),
            },
          ]
        : []),
    ];
  });
}

function checkAccess(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw checkFailure(`${path} is not a directory`, 'Correct folders[].path, or move what is there away.');
  }
  try {
    accessSync(path, ALL_OF_IT);
    opendirSync(path).closeSync();
    checkHidden(join(path, HIDDEN_DIRECTORY));
    const real = realpathSync(path);
    return `${path} can be read and written${real === path ? '' : `, and is ${real}`}`;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw checkFailure(error.message, `Create ${path}, mount it, or give the agent's user permission on it.`);
  }
}

/** Made by the first agent that has run there, for its user alone. */
function checkHidden(path: string): void {
  try {
    if (existsSync(path)) accessSync(path, ALL_OF_IT);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw checkFailure(error.message, `Give it to the agent's user: chown -R USER ${path}`);
  }
}

function checkIdentity(folder: FolderSettings, { openIndex }: CheckTools): string {
  let index: ReturnType<CheckTools['openIndex']>;
  try {
    index = openIndex();
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return 'the index does not know it yet';
  }
  try {
    const fault = folderFault(folder, index);
    if (fault !== undefined) throw fault;
    return 'is the folder that the index knows, or new to it';
  } finally {
    index.close();
  }
}

function checkLeases({ path, settle }: FolderSettings): Promise<string> {
  return inProbeDirectory(path, (directory) => {
    const file = join(directory, 'lease');
    writeFileSync(file, '');
    const fd = openSync(file, 'r');
    try {
      const taken = takeReadLease(fd);
      if (taken === 'held') releaseLease(fd);
      return taken === 'unsupported'
        ? `not supported here: a file counts as complete when it has not changed for ${settle} ms`
        : 'supported: a file counts as complete when nobody has it open for writing';
    } finally {
      closeSync(fd);
    }
  });
}

async function checkWatch({ path, watch }: FolderSettings, pollMs: number): Promise<string | Note> {
  const count = countDirectories(path);
  const many = watch === 'auto' && count.directories > FEW_DIRECTORIES;
  const kind = await inProbeDirectory(path, async (directory) => {
    const ignored = () => {};
    const watcher = await watchTree(
      Buffer.from(directory),
      { kind: watch, pollMs, gone: false, ...(many ? { maxDirectories: 0 } : {}) },
      { onDirty: ignored, onGone: ignored, onRescan: ignored, onProblem: ignored },
    );
    watcher.close();
    return watcher.kind;
  });
  const asked = watch === 'auto' ? '' : ' (as set)';
  switch (kind) {
    case 'fanotify':
      return `by fanotify${asked}: no watch per directory is needed`;
    case 'inotify':
      return watchLimitFinding(
        `by inotify${asked}${many ? `: fanotify ${whyNoFanotify()}` : ''}`,
        count,
        Number(readFileSync(WATCH_LIMIT_FILE, 'utf8')),
      );
    case 'polling':
      return {
        detail: `by looking every ${Math.round(pollMs / 1000)} s${asked}`,
        hint: 'Changes are seen late. Neither fanotify nor inotify works on this filesystem, or watch: polling asks for it.',
      };
  }
}

/** @param directories at least so many, when `complete` is false */
export function watchLimitFinding(
  how: string,
  { directories, complete }: { directories: number; complete: boolean },
  limit: number,
): string | Note {
  const detail = `${how}; ${complete ? '' : 'more than '}${countText(directories)} ${directories === 1 ? 'directory' : 'directories'}, fs.inotify.max_user_watches is ${countText(limit)}`;
  const hint = `Raise it: sysctl -w fs.inotify.max_user_watches=${Math.max(1_048_576, directories * 4)}, and in /etc/sysctl.d for the next boot.`;
  if (directories > limit) throw checkFailure(detail, hint);
  return directories > limit * COMFORTABLE_SHARE ? { detail, hint } : detail;
}

function whyNoFanotify(): string {
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const has = (capability: bigint) => ((BigInt(`0x${hex}`) >> capability) & 1n) === 1n;
  const missing = [
    ...(has(CAP_SYS_ADMIN) ? [] : ['CAP_SYS_ADMIN']),
    ...(has(CAP_DAC_READ_SEARCH) ? [] : ['CAP_DAC_READ_SEARCH']),
  ];
  return missing.length === 0 ? 'does not work on this filesystem' : `needs ${missing.join(' and ')}`;
}

function countDirectories(path: string): { directories: number; complete: boolean } {
  const untilMs = Date.now() + COUNT_WITHIN_MS;
  const pending: Buffer[] = [Buffer.from(path)];
  let directories = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    directories++;
    if (Date.now() > untilMs) return { directories, complete: false };
    pending.push(...directoriesIn(next));
  }
  return { directories, complete: true };
}

/** What cannot be read is counted as a directory without any in it: the scan reports it. */
function directoriesIn(path: Buffer): Buffer[] {
  const found: Buffer[] = [];
  try {
    listDirectory(path, (entry) => {
      if (entry.isDirectory()) found.push(joinPath(path, entry.name));
    });
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
  return found;
}

/** No watch, scan or upload of an agent that runs looks into it. */
async function inProbeDirectory<T>(path: string, act: (directory: string) => T | Promise<T>): Promise<T> {
  const hidden = join(path, HIDDEN_DIRECTORY);
  const isNew = mkdirSync(hidden, { recursive: true, mode: 0o700 }) !== undefined;
  const directory = mkdtempSync(join(hidden, 'check-'));
  try {
    return await act(directory);
  } finally {
    rmSync(directory, { recursive: true });
    if (isNew) removeIfEmpty(hidden);
  }
}

/** An agent that has started meanwhile has its own things in it. */
function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOTEMPTY') throw error;
  }
}
