/** Directories full of files. */
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface Tree {
  path: string;
  files: number;
  bytes: number;
}

export interface TreeShape {
  files: number;
  fileBytes: number;
  /** Files in each directory; default 100. */
  perDirectory?: number;
}

const PIECE_BYTES = 1024 * 1024;

/** Each file differs from every other. What is dirty in the cache is written, so that no run pays for it. */
export function makeTree(path: string, shape: TreeShape): Tree {
  const tree = writeTree(path, shape);
  execFileSync('sync');
  return tree;
}

/** As fast as one process can: directory by directory. */
export function writeTree(path: string, { files, fileBytes, perDirectory = 100 }: TreeShape): Tree {
  const body = randomFillSync(Buffer.alloc(Math.min(fileBytes, PIECE_BYTES)));
  let directory = path;
  for (let index = 0; index < files; index++) {
    if (index % perDirectory === 0) {
      directory = join(path, `d${String(index / perDirectory).padStart(5, '0')}`);
      mkdirSync(directory);
    }
    if (body.length >= 4) body.writeUInt32BE(index);
    const file = join(directory, `f${String(index).padStart(7, '0')}.bin`);
    if (fileBytes <= PIECE_BYTES) writeFileSync(file, body);
    else writeLarge(file, body, fileBytes);
  }
  return { path, files, bytes: files * fileBytes };
}

/** What the agent notes in a folder, which a peer would upload. */
export function removeNotes({ path }: Tree): void {
  rmSync(join(path, '.sluice'), { recursive: true, force: true });
}

function writeLarge(file: string, piece: Buffer, fileBytes: number): void {
  const descriptor = openSync(file, 'w');
  try {
    for (let at = 0; at < fileBytes; at += piece.length) {
      piece.writeUInt32BE(at / piece.length, 4);
      writeSync(descriptor, piece, 0, Math.min(piece.length, fileBytes - at));
    }
  } finally {
    closeSync(descriptor);
  }
}
