/**
 * A file system in memory: inodes, names, and what of them a power cut takes.
 *
 * Names that users give are on the disk at once; what they wrote a moment ago may be back in an earlier state, or a part of
 * one. What the agent does is not: a name is safe when its directory was fsynced, and
 * with it every change of names before (a journal is written in order); bytes are safe when the file was. A power cut takes
 * back any number of the last changes of names, and any part of bytes that were not fsynced. Bytes whose fsync has failed
 * are as if it had never been asked for, and the next one says that all is well: https://lwn.net/Articles/752063/
 */
import type { Choices } from '../choices.ts';

export type Actor = 'user' | 'agent';

interface FileMoment {
  atMs: number;
  by: Actor;
  data: Buffer;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

/** Linux writes what is dirty after half a minute; the journal goes to the disk every five seconds. */
const UNFLUSHED_MS = 5_000;

export interface Inode {
  readonly kind: 'file' | 'directory' | 'link';
  readonly dev: bigint;
  readonly ino: bigint;
  mode: number;
  nlink: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  /** Bytes of a file, target of a link. */
  data: Buffer;
  readonly entries: Map<string, Inode>;
  /** Of a directory: where it is. */
  above: { directory: Inode; name: string } | undefined;
  /** Who has written the bytes. */
  by: Actor;
  /** Whether the bytes are on the disk. */
  synced: boolean;
  /** An fsync has failed, and so the kernel no longer tries to write them. */
  givenUp: boolean;
  /** What it was before the writes of its users that no power cut has spared yet. */
  earlier: FileMoment[];
  /** What a power cut has taken a part of; until somebody touches the file. */
  tornFrom: string | undefined;
  /** Open for writing so often, waiting for a lease included. */
  writers: number;
}

type Put = (directory: Inode, name: string, inode: Inode | undefined) => void;

interface DiskEvents {
  /** Names have changed, or a writer has closed. */
  changed(by: Actor): void;
  /** The name means another file now, or none; `before`: what it meant. */
  named(directory: Inode, name: string, inode: Inode | undefined, before: Inode | undefined, by: Actor): void;
}

export interface Disk {
  readonly root: Inode;
  /** Bytes that still fit. */
  freeBytes: number;
  events: DiskEvents;
  make(kind: Inode['kind'], by: Actor, dev?: bigint): Inode;
  /** All of what `action` puts happens at once. */
  change(by: Actor, action: (put: Put) => void): void;
  write(inode: Inode, by: Actor, data: Buffer): void;
  touch(inode: Inode): void;
  sync(inode: Inode): void;
  /** What it could not write is gone with the next power cut, whatever is said after that. */
  giveUp(inode: Inode): void;
  /** Whether a power cut now could not take it from its place, nor the way there. */
  isSafe(directory: Inode, name: string): boolean;
  powerCut(choices: Choices): void;
}

interface Undoable {
  names: { directory: Inode; name: string }[];
  undo: (() => void)[];
}

const NOBODY: DiskEvents = { changed() {}, named() {} };

export function createDisk(nowMs: () => number): Disk {
  let inodes = 1n;
  let ticks = 0n;
  let journal: Undoable[] = [];
  const unsynced = new Set<Inode>();
  /** Written by users, and not long ago. */
  const unflushed = new Set<Inode>();
  /** No two changes have one time, as with multigrain timestamps. */
  const nowNs = () => BigInt(nowMs()) * 1_000_000n + (ticks++ % 1_000_000n);

  function make(kind: Inode['kind'], by: Actor, dev = 64n): Inode {
    const now = nowNs();
    const directory = kind === 'directory';
    return {
      kind,
      dev,
      ino: ++inodes,
      mode: (directory ? 0o040000 : kind === 'link' ? 0o120000 : 0o100000) | (directory ? 0o755 : 0o644),
      nlink: 0,
      mtimeNs: now,
      ctimeNs: now,
      birthtimeNs: now,
      data: Buffer.alloc(0),
      entries: new Map(),
      above: undefined,
      by,
      synced: true,
      givenUp: false,
      earlier: [],
      tornFrom: undefined,
      writers: 0,
    };
  }

  function place(directory: Inode, name: string, inode: Inode | undefined): void {
    const before = directory.entries.get(name);
    if (before !== undefined) {
      before.nlink--;
      if (before.above?.directory === directory && before.above.name === name) before.above = undefined;
    }
    if (inode === undefined) directory.entries.delete(name);
    else {
      directory.entries.set(name, inode);
      inode.nlink++;
      if (inode.kind === 'directory') inode.above = { directory, name };
    }
  }

  function remember(inode: Inode): void {
    const { by, data, mtimeNs, ctimeNs } = inode;
    inode.earlier.push({ atMs: nowMs(), by, data, mtimeNs, ctimeNs });
    inode.tornFrom = undefined;
    unflushed.add(inode);
  }

  function tear(inode: Inode, choices: Choices): void {
    const recent = inode.earlier.filter(({ atMs }) => nowMs() - atMs < UNFLUSHED_MS);
    inode.earlier = [];
    const moment = recent[choices.below(2 * recent.length + 1)];
    if (moment === undefined) return;
    inode.tornFrom = inode.data.toString('latin1');
    // Metadata is written in one piece; of bytes that were flushed long ago nothing is missing.
    const flushed = BigInt(nowMs() - UNFLUSHED_MS) * 1_000_000n > moment.mtimeNs;
    const bytes = flushed ? moment.data.length : choices.below(moment.data.length + 1);
    inode.data = moment.data.subarray(0, bytes);
    // What the agent has put there is its own again, once it is whole.
    if (bytes === moment.data.length) inode.by = moment.by;
    inode.mtimeNs = moment.mtimeNs;
    inode.ctimeNs = moment.ctimeNs;
  }

  const disk: Disk = {
    root: make('directory', 'user'),
    freeBytes: 1_000_000,
    events: NOBODY,
    make,
    change(by, action) {
      const done: Undoable = { names: [], undo: [] };
      const touched: Inode[] = [];
      const named: [...Parameters<Put>, Inode | undefined][] = [];
      action((directory, name, inode) => {
        const before = directory.entries.get(name);
        place(directory, name, inode);
        done.names.push({ directory, name });
        done.undo.unshift(() => place(directory, name, before));
        directory.mtimeNs = nowNs();
        directory.ctimeNs = directory.mtimeNs;
        for (const one of [before, inode]) if (one !== undefined) touched.push(one);
        named.push([directory, name, inode, before]);
      });
      for (const inode of touched) inode.ctimeNs = nowNs();
      // A journal is written in order: what users have flushed brings along all that was before.
      if (by === 'user') journal = [];
      else journal.push(done);
      for (const one of named) disk.events.named(...one, by);
      disk.events.changed(by);
    },
    write(inode, by, data) {
      disk.freeBytes -= data.length - inode.data.length;
      if (by === 'user') remember(inode);
      inode.data = data;
      inode.by = by;
      inode.synced = by === 'user';
      if (inode.synced || data.length === 0) inode.givenUp = false;
      if (!inode.synced) unsynced.add(inode);
      inode.mtimeNs = nowNs();
      inode.ctimeNs = inode.mtimeNs;
    },
    touch(inode) {
      inode.tornFrom = undefined;
      inode.ctimeNs = nowNs();
    },
    sync(inode) {
      if (inode.kind === 'directory') {
        const last = journal.findLastIndex(({ names }) => names.some(({ directory }) => directory === inode));
        journal.splice(0, last + 1);
      }
      if (inode.givenUp) return;
      inode.synced = true;
      unsynced.delete(inode);
    },
    giveUp(inode) {
      if (inode.kind === 'file' && !inode.synced) inode.givenUp = true;
    },
    isSafe(directory, name) {
      const inode = directory.entries.get(name);
      if (inode?.synced !== true) return false;
      const open = journal.some(({ names }) =>
        names.some((one) => one.directory === directory && one.name === name),
      );
      return (
        !open &&
        (directory.above === undefined || disk.isSafe(directory.above.directory, directory.above.name))
      );
    },
    powerCut(choices) {
      const lost = journal.splice(journal.length - choices.below(journal.length + 1));
      for (const { undo } of lost.reverse()) for (const step of undo) step();
      journal = [];
      for (const inode of unsynced) {
        inode.data = inode.data.subarray(0, inode.data.length - choices.below(inode.data.length + 1));
        inode.synced = true;
        inode.givenUp = false;
      }
      unsynced.clear();
      for (const inode of unflushed) tear(inode, choices);
      unflushed.clear();
      disk.events.changed('agent');
    },
  };
  disk.root.nlink = 1;
  return disk;
}
