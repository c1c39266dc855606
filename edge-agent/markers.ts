/**
 * The markers of an `append` folder: a file in each directory that is completely in the bucket, with the time at which
 * that was so. Children come before parents; a marker that is no longer true goes first, before anything else happens.
 */
import { randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { isSystemError } from '#adapters/host/libc.ts';
import { scanTree } from '#adapters/host/scan.ts';
import { type FileState, HIDDEN_DIRECTORY, joinPath, sameState } from '#adapters/host/tree.ts';
import { planMarkers } from '#core/marker-plan.ts';
import { printableName } from './path-bytes.ts';
import type { FileContext } from './settled-file.ts';

export interface Markers {
  /** A file of this directory is not in the bucket: its marker and those above it go now. */
  withdraw(path: Buffer): void;
  /** Looks at the whole folder; answers how many directories are not complete. */
  settle(ignored: (path: Buffer) => boolean): Promise<number>;
}

const MOST_BYTES = 64;
/** What we write: nothing else is ever replaced or removed. */
const OURS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\n$/;

export function createMarkers(context: FileContext, name: string): Markers {
  const { folder, index, root, log } = context;
  const markerName = Buffer.from(name);
  const markerIn = (directory: Buffer) => joinPath(root.path, joinPath(directory, markerName));
  const keyOf = (directory: Buffer) => `${folder.prefix}${printableName(directory)}`;

  function unmark(directory: Buffer): void {
    const marker = markerIn(directory);
    const text = contentOf(marker);
    if (text === undefined) return;
    if (!OURS.test(text)) {
      log.warn('is no marker of ours and stays', { key: printableName(joinPath(directory, markerName)) });
      return;
    }
    unlinkSync(marker);
    log.info('unmarked', { key: keyOf(directory) });
  }

  function mark(directory: Buffer): void {
    const marker = markerIn(directory);
    const text = contentOf(marker);
    if (text !== undefined && !OURS.test(text)) {
      log.warn('a file has the name of the marker', { key: printableName(joinPath(directory, markerName)) });
      return;
    }
    const hidden = `${root.path.toString()}/${HIDDEN_DIRECTORY}`;
    mkdirSync(hidden, { recursive: true, mode: 0o700 });
    const temporary = `${hidden}/marker-${randomUUID()}`;
    try {
      writeFileSync(temporary, `${new Date().toISOString()}\n`);
      renameSync(temporary, marker);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    if (text === undefined) log.info('marked', { key: keyOf(directory) });
  }

  function isSynced(path: Buffer, state: FileState): boolean {
    const row = index.get(folder.name, path);
    return row?.state === 'synced' && sameState(row, state);
  }

  return {
    withdraw(path) {
      for (let directory = parentOf(path); ; directory = parentOf(directory)) {
        unmark(directory);
        if (directory.length === 0) return;
      }
    },
    async settle(ignored) {
      const missing = new Map<string, number>();
      const miss = (path: Buffer) => {
        const directory = parentOf(path).toString('latin1');
        missing.set(directory, (missing.get(directory) ?? 0) + 1);
      };
      const directories = new Set<string>(['']);
      const result = await scanTree(root.path, (files) => {
        for (const { path, state } of files) {
          if (ignored(path)) continue;
          for (let at = parentOf(path); !directories.has(at.toString('latin1')); at = parentOf(at)) {
            directories.add(at.toString('latin1'));
          }
          if (!isSynced(path, state)) miss(path);
        }
      });
      for (const { path } of result.errors) missing.set(path.toString('latin1'), 1);
      for (const { path } of result.skipped) if (!ignored(path)) miss(path);
      const plan = planMarkers(directories, new Set(missing.keys()));
      for (const directory of plan.unmark) {
        unmark(Buffer.from(directory, 'latin1'));
        const files = missing.get(directory);
        const why =
          files === undefined
            ? 'a directory below it is not complete'
            : `${files} files are not in the bucket`;
        log.info(`incomplete: ${why}`, { key: keyOf(Buffer.from(directory, 'latin1')) });
      }
      for (const directory of plan.mark) mark(Buffer.from(directory, 'latin1'));
      return plan.unmark.length;
    },
  };
}

function parentOf(path: Buffer): Buffer {
  return path.subarray(0, Math.max(path.lastIndexOf('/'), 0));
}

/** Of what is no marker, as a directory or a fifo, which would never be read to its end, nothing that matches one. */
function contentOf(file: Buffer): string | undefined {
  try {
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    return stat.isFile() && stat.size <= MOST_BYTES ? readFileSync(file, 'utf8') : '';
  } catch (error) {
    if (!isSystemError(error) || (error.code !== 'ENOENT' && error.code !== 'ENOTDIR')) throw error;
    return undefined;
  }
}
