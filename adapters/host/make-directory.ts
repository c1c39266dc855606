/** Directories that a user named, with those above them. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * One by one: below /proc, where the parent is there and yet nothing can be made, Node's `recursive` never ends.
 *
 * @param mode of each that is made
 * @throws the system's error, such as EACCES; `EEXIST` when something else than a directory is in the way
 */
export function makeDirectory(path: string, mode = 0o777): void {
  if (isDirectory(path)) return;
  makeDirectory(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Somebody else was quicker.
    if (!isDirectory(path)) throw error;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
