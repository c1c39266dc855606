/** Uses up a file system to the last byte, or the last inode, but for what is to be left. */
import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK = Buffer.alloc(4096, 1);

/** Answers how to give it back. */
export function fillBytes(directory: string, leftBytes: number): () => void {
  const file = join(directory, 'filler');
  const fd = openSync(file, 'w');
  let bytes = 0;
  untilFull(() => {
    bytes += writeSync(fd, BLOCK);
  });
  closeSync(fd);
  truncateSync(file, Math.max(0, bytes - leftBytes));
  return () => rmSync(file);
}

export function fillInodes(directory: string, left: number): () => void {
  const place = join(directory, 'filler');
  mkdirSync(place);
  let count = 0;
  untilFull(() => closeSync(openSync(join(place, String(count++)), 'w')));
  for (let at = count - 1 - left; at < count - 1; at++) rmSync(join(place, String(at)));
  return () => rmSync(place, { recursive: true });
}

function untilFull(more: () => void): void {
  for (;;) {
    try {
      more();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      return;
    }
  }
}
