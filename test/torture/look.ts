/** What a folder holds, read without the agent. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { HIDDEN_DIRECTORY } from '#adapters/host/tree.ts';
import { digestOf } from './truth.ts';

const RECORD = '.path';
/** What a writer gives its name when it is complete. A power cut may take that back; then it is no file of anybody's. */
export const ASIDE = '.new-';

export interface Tree {
  /** Digest of every file under its name. */
  files: Map<string, string>;
  /** What a crash left between its name and its removal: the name that it comes back to, and its digest. */
  trash: { name: string; digest: string }[];
}

/** Exact while nobody works in it; else what goes meanwhile is left out. */
export function readTree(folder: string): Tree {
  const files = new Map<string, string>();
  for (const name of namesIn(folder)) {
    const content = contentOf(join(folder, name));
    if (content !== undefined) files.set(name, digestOf(content));
  }
  return { files, trash: readTrash(join(folder, HIDDEN_DIRECTORY, 'trash')) };
}

/** Of files, relative to the folder, without what is the agent's own. */
function namesIn(folder: string): string[] {
  return below(folder, '').filter((name) => name !== '');
}

function below(folder: string, directory: string): string[] {
  return entries(join(folder, directory)).flatMap(({ name, isDirectory }) => {
    const path = directory === '' ? name : `${directory}/${name}`;
    if (path === HIDDEN_DIRECTORY || name.startsWith(ASIDE)) return [];
    return isDirectory ? below(folder, path) : [path];
  });
}

function entries(directory: string): { name: string; isDirectory: boolean }[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      isDirectory: entry.isDirectory(),
    }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}

/** Beside each file lies a symlink with its name; a file is never put there without. */
function readTrash(trash: string): Tree['trash'] {
  return entries(trash).flatMap(({ name }) => {
    if (name.endsWith(RECORD)) return [];
    const content = contentOf(join(trash, name));
    if (content === undefined) return [];
    return [{ name: readlinkSync(join(trash, `${name}${RECORD}`)), digest: digestOf(content) }];
  });
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}
