/**
 * Makes sure that a folder is the folder: one agent has it, and what is mounted there is what was there before. An id
 * in its hidden directory, known to the index, tells a folder from an empty mount point; device and inode tell when it
 * is replaced while the agent runs. Device numbers alone change from boot to boot.
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import type { HostIndex } from '#adapters/host/index-db.ts';
import { isSystemError, type SystemError } from '#adapters/host/libc.ts';
import { lockFolder } from '#adapters/host/lock.ts';
import {
  type FileState,
  HIDDEN_DIRECTORY,
  joinPath,
  lstatBig,
  type OpenRoot,
  statOf,
} from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import type { FolderSettings } from '#core/settings/agent.ts';
import type { Log } from './log.ts';

export interface ClaimedFolder {
  root: OpenRoot;
  /** What its file system has been called, at this claim and earlier ones: some get another number at each boot. */
  devices: ReadonlySet<bigint>;
  /** Why this is no longer the folder that was claimed; `undefined` while it is. */
  fault(): string | undefined;
  release(): void;
}

const ID_FILE = `${HIDDEN_DIRECTORY}/folder-id`;

/**
 * The folder must exist: making it would hide a mount that is missing. A folder that is a symlink is taken where it
 * leads.
 *
 * @throws SyncError `NoFolder`, `Replaced` (another folder than the index knows), `Locked` (another agent has it),
 * `Unusable` (its file system refuses)
 */
export function claimFolder(folder: FolderSettings, index: HostIndex): ClaimedFolder {
  try {
    return claimed(folder, index);
  } catch (error) {
    throw isSystemError(error) ? unusable(folder, error) : error;
  }
}

function claimed(folder: FolderSettings, index: HostIndex): ClaimedFolder {
  const place = existing(folder);
  const path = Buffer.from(place);
  const known = index.note(noteOf(folder.name));
  const found = idOf(path);
  if (known !== undefined && found !== known) throw replaced(folder, found === undefined);
  mkdirSync(`${place}/${HIDDEN_DIRECTORY}`, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(`${place}/${HIDDEN_DIRECTORY}/lock`);
  try {
    const id = found ?? randomUUID();
    if (known === undefined) {
      writeId(path, id);
      index.setNote(noteOf(folder.name), id);
    }
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    const { dev, ino, devices } = placeOf(fd, folder.name, index);
    return {
      root: { path, fd },
      devices,
      // Of what is open: it may have been unmounted since its id was read.
      fault: () => faultOf(path, id, dev, ino),
      release() {
        try {
          closeSync(fd);
        } finally {
          unlock();
        }
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Whether there is any use in looking at it; says why not. */
export function isAsClaimed(claim: ClaimedFolder, { name }: FolderSettings, log: Pick<Log, 'warn'>): boolean {
  const fault = claim.fault();
  if (fault !== undefined) log.warn(`folder ${name} was not looked at: ${fault}`, { folder: name });
  return fault === undefined;
}

/**
 * The next claim takes the folder that is there: for a disk that was replaced on purpose.
 *
 * @throws SyncError `NoFolder`: else it would take the first empty mount point
 */
export function acceptFolder(folder: FolderSettings, index: HostIndex): void {
  existing(folder);
  index.setNote(devicesNote(folder.name), undefined);
  index.setNote(noteOf(folder.name), undefined);
}

/** What `claimFolder` would throw for a folder that is not the one that the index knows. */
export function folderFault(folder: FolderSettings, index: HostIndex): SyncError | undefined {
  const known = index.note(noteOf(folder.name));
  const found = idOf(Buffer.from(existing(folder)));
  return known === undefined || found === known ? undefined : replaced(folder, found === undefined);
}

/** Whoever has had a row with one of these numbers was in the folder itself, and not in what is mounted below it. */
function devicesOf(name: string, index: HostIndex, dev: bigint): ReadonlySet<bigint> {
  const known = new Set(index.note(devicesNote(name))?.split(' ').map(BigInt));
  if (!known.has(dev)) index.setNote(devicesNote(name), [...known.add(dev)].join(' '));
  return known;
}

function placeOf(fd: number, name: string, index: HostIndex): FileState & Pick<ClaimedFolder, 'devices'> {
  try {
    const state = statOf(fd);
    return { ...state, devices: devicesOf(name, index, state.dev) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function devicesNote(name: string): string {
  return `folder-devices/${name}`;
}

function noteOf(name: string): string {
  return `folder-id/${name}`;
}

function existing(folder: FolderSettings): string {
  try {
    const path = realpathSync(folder.path);
    if (lstatBig(Buffer.from(path)).isDirectory()) return path;
  } catch (error) {
    if (!isSystemError(error) || !['ENOENT', 'ENOTDIR', 'ENOTCONN', 'ESTALE'].includes(error.code))
      throw error;
  }
  throw new SyncError(`folder ${folder.name}: ${folder.path} is not a directory`, {
    op: 'start',
    key: folder.path,
    retryable: true,
    code: 'NoFolder',
    hint: 'Create it, mount it, or correct folders[].path.',
  });
}

function faultOf(path: Buffer, id: string, dev: bigint, ino: bigint): string | undefined {
  try {
    const now = lstatBig(path);
    if (now.dev !== dev || now.ino !== ino) return 'another directory has taken its place';
    return idOf(path) === id ? undefined : `its ${ID_FILE} is missing or another`;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return `it cannot be read: ${error.code}`;
  }
}

function idOf(path: Buffer): string | undefined {
  try {
    const id = readFileSync(idFile(path), 'utf8').trim();
    // A crash came before it was written.
    return id === '' ? undefined : id;
  } catch (error) {
    if (!isSystemError(error) || (error.code !== 'ENOENT' && error.code !== 'ENOTDIR')) throw error;
    return undefined;
  }
}

/**
 * After a power cut a folder without its id would not be known again. So it is written, aside, also where it is there:
 * by a run that was killed before it was flushed, or whose fsync has failed, after which the next one would only say that
 * all is well (https://lwn.net/Articles/752063/).
 */
function writeId(path: Buffer, id: string): void {
  const aside = Buffer.concat([idFile(path), Buffer.from('.new')]);
  writeFileSync(aside, `${id}\n`, { mode: 0o600, flush: true });
  renameSync(aside, idFile(path));
  for (const one of [joinPath(path, Buffer.from(HIDDEN_DIRECTORY)), path]) {
    const fd = openSync(one, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}

function idFile(path: Buffer): Buffer {
  return Buffer.concat([path, Buffer.from(`/${ID_FILE}`)]);
}

function unusable({ name, path }: FolderSettings, cause: SystemError): SyncError {
  return new SyncError(`folder ${name}: ${path} cannot be used: ${cause.message}`, {
    op: 'start',
    key: path,
    retryable: true,
    code: 'Unusable',
    cause,
    hint: HINTS[cause.code] ?? 'Look at its disk, for example with dmesg.',
  });
}

const PERMISSION = 'Give the agent permission to read and write it.';
const HINTS: Readonly<Record<string, string>> = {
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  EROFS: 'Mount it for writing; after an error of the disk, check the file system first.',
  ENOSPC: 'Make room on its file system.',
};

function replaced(folder: FolderSettings, missing: boolean): SyncError {
  const what = missing ? `has lost its ${ID_FILE}` : 'is another folder than the one that was synced';
  return new SyncError(`folder ${folder.name}: ${folder.path} ${what}`, {
    op: 'start',
    key: folder.path,
    retryable: true,
    code: 'Replaced',
    hint: `Mount the right disk; or, if this folder is meant, run: sluice-agent accept-folder --folder ${folder.name}`,
  });
}
