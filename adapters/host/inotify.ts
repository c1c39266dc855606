/** The inotify wire: masks and records. https://man7.org/linux/man-pages/man7/inotify.7.html */

export const IN = {
  closeWrite: 0x8,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
  deleteSelf: 0x400,
  moveSelf: 0x800,
  unmount: 0x2000,
  overflow: 0x4000,
  ignored: 0x8000,
  onlyDirectory: 0x0100_0000,
  dontFollow: 0x0200_0000,
  excludeUnlinked: 0x0400_0000,
  isDirectory: 0x4000_0000,
} as const;

const PLACE = IN.onlyDirectory | IN.dontFollow | IN.excludeUnlinked;
const DIRECTORY_MASK = IN.closeWrite | IN.movedFrom | IN.movedTo | IN.create | PLACE;

/** What a directory is asked to tell. */
export function directoryMask(gone: boolean): number {
  return gone ? DIRECTORY_MASK | IN.delete : DIRECTORY_MASK;
}

/** Only the root needs to hear of itself: its parent has no watch. */
export function rootMask(gone: boolean): number {
  return directoryMask(gone) | IN.deleteSelf | IN.moveSelf;
}

const HEADER_BYTES = 16;

export type InotifyVisitor = (wd: number, mask: number, cookie: number, name: Buffer) => void;

/** Calls `visit` for each record in the first `length` bytes. The name is a view: copy it to keep it. */
export function eachEvent(buffer: Buffer, length: number, visit: InotifyVisitor): void {
  let offset = 0;
  while (offset < length) {
    const nameStart = offset + HEADER_BYTES;
    const next = nameStart + buffer.readUInt32LE(offset + 12);
    let nameEnd = next;
    while (nameEnd > nameStart && buffer[nameEnd - 1] === 0) nameEnd--;
    visit(
      buffer.readInt32LE(offset),
      buffer.readUInt32LE(offset + 4),
      buffer.readUInt32LE(offset + 8),
      buffer.subarray(nameStart, nameEnd),
    );
    offset = next;
  }
}
