/** Room for downloads: what is under way has its bytes promised, so that many at once cannot fill the disk. */
import { statfsSync } from 'node:fs';

export interface Reservation {
  /** So many of the bytes are on the disk now, and need not be kept free any more. */
  written(bytes: number): void;
  release(): void;
}

export interface FreeSpace {
  /** `undefined` when the file would leave less free than has to stay free. */
  reserve(sizeBytes: number): Reservation | undefined;
  fits(sizeBytes: number): boolean;
}

/** @param path any path of the file system */
export function createFreeSpace(path: Buffer, minFreeBytes: number): FreeSpace {
  let promisedBytes = 0;

  function fits(sizeBytes: number): boolean {
    const { bavail, bsize, files, ffree } = statfsSync(path);
    // Some file systems make inodes as they need them and count none.
    const inodes = files === 0 || ffree > 0;
    return inodes && bavail * bsize - promisedBytes >= minFreeBytes + sizeBytes;
  }

  return {
    fits,
    reserve(sizeBytes) {
      if (!fits(sizeBytes)) return undefined;
      let leftBytes = sizeBytes;
      promisedBytes += sizeBytes;
      const give = (bytes: number) => {
        const given = Math.min(bytes, leftBytes);
        leftBytes -= given;
        promisedBytes -= given;
      };
      return { written: give, release: () => give(leftBytes) };
    },
  };
}
