/**
 * Lists directories and looks at what is in them, for walks over millions of files: getdents64 and statx write into
 * memory that is used again and again, where Node makes some twenty objects for each file.
 * https://man7.org/linux/man-pages/man2/getdents.2.html, https://man7.org/linux/man-pages/man2/statx.2.html
 */
import { closeSync, constants, openSync } from 'node:fs';
import koffi from 'koffi';
import { systemError } from './libc.ts';
import { STAMP_BYTES } from './stamp.ts';
import type { SkipReason } from './tree.ts';

/** `unknown`: the filesystem does not tell in its listings. */
export type EntryKind = 'file' | Exclude<SkipReason, 'vanished'> | 'unknown';

/** What `look` has seen last. */
export interface Seen {
  readonly kind: EntryKind;
  /** As in `stamp.ts`. The same bytes each time: copy them to keep them. */
  readonly stamp: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
}

export interface DirectoryReader {
  /** What `open`, `list` and `look` work on: paths relative to the directory are names in it. */
  open(path: Buffer): void;
  /** Calls `visit` with each name, one byte a character, in no order. */
  list(visit: (name: string, kind: EntryKind) => void): void;
  /** `undefined` when nothing has the name any more. No symlink is followed. */
  look(name: string): Seen | undefined;
  close(): void;
}

/** By number: musl has no name for the first, and old libraries none for the second. */
const CALLS: Record<string, { getdents64: number; statx: number }> = {
  x64: { getdents64: 217, statx: 332 },
  arm64: { getdents64: 61, statx: 291 },
};
const LISTING_BYTES = 256 * 1024;
/** PATH_MAX: no name that can be opened is longer, whatever the filesystem. */
const NAME_BYTES = 4096;
/** https://github.com/torvalds/linux/blob/master/include/uapi/linux/stat.h */
const STATX_BYTES = 256;
const WANTED = 0x3df;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
/** Where the words of a stamp are in the kernel's answer, in 32-bit words. */
const STAMP_WORDS = [34, 35, 8, 9, 10, 11, 28, 29, 24, 25, 30, 26];
const OPEN = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const ENOENT = 2;
const ENOTDIR = 20;

/** As `d_type` and, shifted, `st_mode` have it. */
const KINDS: Record<number, EntryKind> = {
  1: 'fifo',
  4: 'directory',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

/** Methods throw the system's errors. */
export function createDirectoryReader(): DirectoryReader {
  const numbers = CALLS[process.arch];
  if (numbers === undefined) throw new Error(`folders cannot be read on ${process.arch}`);
  const libc = koffi.load(null);
  const getdents64 = libc.func('long syscall(long number, int fd, uintptr_t buffer, size_t size)');
  const statx = libc.func(
    'long syscall(long number, int fd, uintptr_t name, int flags, uint32_t mask, uintptr_t answer)',
  );
  const listing = Buffer.allocUnsafeSlow(LISTING_BYTES);
  const nameBytes = Buffer.allocUnsafeSlow(NAME_BYTES);
  const answer = new Uint32Array(STATX_BYTES / 4);
  const stamp = new Uint32Array(STAMP_BYTES / 4);
  const [listingAt, nameAt, answerAt] = [listing, nameBytes, answer].map((memory) =>
    Number(koffi.address(memory)),
  );
  const seen = {
    kind: 'file' as EntryKind,
    stamp: Buffer.from(stamp.buffer),
    mode: 0,
    uid: 0,
    gid: 0,
    nlink: 0,
  };
  let fd = -1;
  let opened: Buffer = Buffer.alloc(0);

  function fill(): number {
    const count = Number(getdents64(numbers?.getdents64, fd, listingAt, LISTING_BYTES));
    if (count < 0) throw systemError(koffi.errno(), 'getdents64', opened);
    return count;
  }

  return {
    open(path) {
      fd = openSync(path, OPEN);
      opened = path;
    },
    list(visit) {
      for (let length = fill(); length > 0; length = fill()) {
        for (let at = 0; at < length; ) {
          const next = at + listing.readUInt16LE(at + 16);
          // What ends the name is within the last eight bytes of its record.
          let end = Math.max(at + 20, next - 8);
          while (listing[end] !== 0) end++;
          const name = listing.toString('latin1', at + 19, end);
          if (name !== '.' && name !== '..') visit(name, kindOf(listing[at + 18] ?? 0));
          at = next;
        }
      }
    },
    look(name) {
      nameBytes[nameBytes.write(name, 'latin1')] = 0;
      const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
      if (Number(statx(numbers.statx, fd, nameAt, flags, WANTED, answerAt)) !== 0) {
        const errno = koffi.errno();
        if (errno === ENOENT || errno === ENOTDIR) return undefined;
        throw systemError(errno, 'statx', Buffer.from(name, 'latin1'));
      }
      for (let word = 0; word < STAMP_WORDS.length; word++) {
        stamp[word] = answer[STAMP_WORDS[word] ?? 0] ?? 0;
      }
      seen.nlink = answer[4] ?? 0;
      seen.uid = answer[5] ?? 0;
      seen.gid = answer[6] ?? 0;
      seen.mode = (answer[7] ?? 0) & 0xffff;
      seen.kind = kindOf(seen.mode >> 12);
      return seen;
    },
    close() {
      if (fd !== -1) closeSync(fd);
      fd = -1;
    },
  };
}

function kindOf(type: number): EntryKind {
  return type === 0 ? 'unknown' : (KINDS[type] ?? 'device');
}
