/**
 * The fanotify wire: flags, masks and records. https://man7.org/linux/man-pages/man7/fanotify.7.html,
 * https://man7.org/linux/man-pages/man2/fanotify_init.2.html
 */

export const FAN = {
  closeWrite: 0x8,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
  overflow: 0x4000,
  onDirectory: 0x4000_0000,
} as const;

const CLOEXEC = 0x1;
const NONBLOCK = 0x2;
const UNLIMITED_QUEUE = 0x10;
const REPORT_DIRECTORY_AND_NAME = 0xc00;
/** FAN_CLASS_NOTIF is 0. */
export const FAN_INIT_FLAGS = CLOEXEC | NONBLOCK | UNLIMITED_QUEUE | REPORT_DIRECTORY_AND_NAME;
const MARK_ADD = 0x1;
const MARK_FILESYSTEM = 0x100;
export const FAN_MARK_FLAGS = MARK_ADD | MARK_FILESYSTEM;

/** Moves away are always needed: they tell which directories are elsewhere now. */
export function filesystemMask(gone: boolean): number {
  const mask = FAN.closeWrite | FAN.create | FAN.movedTo | FAN.movedFrom | FAN.onDirectory;
  return gone ? mask | FAN.delete : mask;
}

const METADATA_BYTES = 24;
const INFO_HEADER_BYTES = 4;
const FSID_BYTES = 8;
const HANDLE_HEADER_BYTES = 8;
const DIRECTORY_AND_NAME = 2;

/** `handle` is a `struct file_handle` of the directory. Equal events that were not read yet come as one. */
export type FanotifyVisitor = (mask: number, handle: Buffer, name: Buffer) => void;

/** Calls `visit` for each record in the first `length` bytes. Handle and name are views: copy them to keep them. */
export function eachFanotifyEvent(buffer: Buffer, length: number, visit: FanotifyVisitor): void {
  let offset = 0;
  while (offset < length) {
    const next = offset + buffer.readUInt32LE(offset);
    const mask = buffer.readUInt32LE(offset + 8);
    const info = offset + METADATA_BYTES;
    if (next > info && buffer[info] === DIRECTORY_AND_NAME) {
      const handleStart = info + INFO_HEADER_BYTES + FSID_BYTES;
      const nameStart = handleStart + HANDLE_HEADER_BYTES + buffer.readUInt32LE(handleStart);
      const nameEnd = buffer.indexOf(0, nameStart);
      visit(mask, buffer.subarray(handleStart, nameStart), buffer.subarray(nameStart, nameEnd));
    } else {
      visit(mask, buffer.subarray(info, info), buffer.subarray(info, info));
    }
    offset = next;
  }
}
