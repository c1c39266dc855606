/**
 * Somebody who works in the folder: writes, overwrites, appends, replaces, renames and removes files, and puts down in
 * the truth what he has closed. One writer for each folder, one step at a time.
 */
import { mkdirSync } from 'node:fs';
import { constants, type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ASIDE } from './look.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';
import { digestOf } from './truth.ts';

export interface Writer {
  /**
   * Resolves when it is done and in the truth.
   *
   * @param opens whether files that are there may be opened; one that a stopped agent has leased cannot be
   */
  step(opens?: boolean): Promise<void>;
}

/** How he works. */
export interface Habits {
  /** Names to choose from. */
  names?: number;
  /** Every step is on the disk when it counts as done. */
  durable?: boolean;
  /** No name ever goes: for when nobody can tell a file that was removed from one that never was. */
  keeps?: boolean;
  /** Share of files that are sent in parts. */
  large?: number;
}

const { O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_TRUNC, O_EXCL, O_NONBLOCK, O_RDONLY } = constants;
const LARGE_BYTES = 6 * 1024 * 1024;
const SMALL_BYTES = 12_000;
/** A lease stands in the way of an open that does not want to wait; its holder gives it back at once. */
const LEASED_MS = 5;
/** After 45 s the kernel takes the lease: https://man7.org/linux/man-pages/man5/proc_sys_fs.5.html */
const WITHIN_MS = 60_000;

/** One that the agent has emptied and removed by now cannot be flushed, and those above it tell that it is gone. */
async function flushDirectory(path: string): Promise<void> {
  let directory: FileHandle;
  try {
    directory = await open(path, O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await directory.sync().finally(() => directory.close());
}

export function createWriter(
  { folder, truth, mode }: Pick<Scene, 'folder' | 'truth' | 'mode'>,
  random: Random,
  { names = 12, durable = false, keeps = false, large = 0.01 }: Habits = {},
): Writer {
  let version = 0;

  const nameAt = (at: number) => `${['', 'a/', 'a/b/', 'c d/'][at % 4]}f${at}`;
  const anyName = () => nameAt(random.below(names));

  /** Unique, so that a version is never taken for another; now and then of no bytes at all. */
  function content(): Buffer {
    if (random.chance(0.03)) return Buffer.alloc(0);
    const size = random.chance(large) ? LARGE_BYTES + random.below(1000) : 1 + random.below(SMALL_BYTES);
    return Buffer.concat([Buffer.from(`${version++} `), random.bytes(size)]);
  }

  async function openFor(name: string, flags: number): Promise<FileHandle> {
    const path = join(folder, name);
    for (const startedMs = performance.now(); ; ) {
      mkdirSync(dirname(path), { recursive: true });
      try {
        return await open(path, flags | O_NONBLOCK, 0o644);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // Emptied directories go while a file is about to come.
        const vanished = code === 'ENOENT' && (flags & O_CREAT) !== 0;
        if ((code !== 'EAGAIN' && !vanished) || performance.now() - startedMs > WITHIN_MS) throw error;
        await delay(LEASED_MS);
      }
    }
  }

  /** In pieces and not at once, as programs write. */
  async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
    try {
      const pieces = 1 + random.below(3);
      const size = Math.max(1, Math.ceil(bytes.length / pieces));
      for (let at = 0; at < bytes.length; at += size) {
        await file.writeFile(bytes.subarray(at, at + size));
        if (random.chance(0.2)) await delay(random.below(20));
      }
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
  }

  /** A new name, or one that is gone, must be on the disk too, with every directory on its way. */
  async function settle(name: string): Promise<void> {
    if (!durable) return;
    for (let at = dirname(name); ; at = dirname(at)) {
      await flushDirectory(join(folder, at));
      if (at === '.') return;
    }
  }

  async function write(name: string): Promise<void> {
    const bytes = content();
    // What is there is no longer complete; until the close nothing is.
    const file = await openFor(name, O_WRONLY | O_CREAT | O_TRUNC);
    truth.gone(name);
    await writeAll(file, bytes);
    truth.closed(name, digestOf(bytes));
    await settle(name);
  }

  async function replace(name: string): Promise<void> {
    const bytes = content();
    const temporary = join(dirname(name), `${ASIDE}${version++}`);
    const file = await openFor(temporary, O_WRONLY | O_CREAT | O_EXCL);
    await writeAll(file, bytes);
    truth.closed(name, digestOf(bytes));
    await rename(join(folder, temporary), join(folder, name));
    await settle(name);
  }

  async function append(name: string): Promise<void> {
    const file = await openFor(name, O_RDWR | O_APPEND);
    truth.gone(name);
    const before = await file.readFile();
    const more = random.bytes(1 + random.below(500));
    await writeAll(file, more);
    truth.closed(name, digestOf(Buffer.concat([before, more])));
    await settle(name);
  }

  async function move(from: string, to: string): Promise<void> {
    if (truth.last(from) === undefined || from === to) return;
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    await rename(join(folder, from), join(folder, to));
    truth.renamed(from, to);
    await settle(to);
    await settle(from);
  }

  async function remove(name: string): Promise<void> {
    if (truth.last(name) === undefined) return;
    await unlink(join(folder, name));
    truth.gone(name);
    await settle(name);
  }

  function chosen(opens: boolean): Promise<void> {
    const choice = random.next();
    if (!opens && choice < 0.8) return replace(anyName());
    if (choice < 0.5 || (keeps && choice >= 0.8)) return write(anyName());
    if (choice < 0.65) return replace(anyName());
    if (choice < 0.8) return append(anyName());
    if (choice < 0.9 || mode === 'move') return move(anyName(), anyName());
    return remove(anyName());
  }

  return {
    async step(opens = true) {
      try {
        await chosen(opens);
      } catch (error) {
        // In a `move` folder a file, or a directory that has become empty, may be gone by now.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    },
  };
}
