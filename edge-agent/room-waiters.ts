/** Keys that wait for room on the disk: they are looked at again when they fit, without asking the store meanwhile. */
import type { FreeSpace } from './free-space.ts';
import { printableName } from './path-bytes.ts';
import type { ReceiveContext } from './receive-context.ts';
import { noteState } from './receive-notes.ts';

type WaitingContext = Pick<ReceiveContext, 'folder' | 'settings' | 'index' | 'log'> & {
  space: Pick<FreeSpace, 'fits'>;
};

export interface RoomWaiters {
  add(path: Buffer, sizeBytes: number): void;
  /** It was looked at again. */
  drop(path: Buffer): void;
  has(path: Buffer): boolean;
  /** Marks those that fit now, all together. */
  check(): void;
  /** Names them: nobody waits for room any more. */
  leftBehind(): void;
  readonly size: number;
}

export function createRoomWaiters(context: WaitingContext, mark: (path: Buffer) => void): RoomWaiters {
  const { folder, settings, space, log } = context;
  const waiting = new Map<string, number>();
  let said = false;

  return {
    add(path, sizeBytes) {
      const { minFreeBytes } = settings.limits;
      waiting.set(path.toString('latin1'), sizeBytes);
      noteState(
        context,
        path,
        'waiting',
        `no room for ${sizeBytes} bytes beside ${minFreeBytes} that stay free`,
      );
      if (said) return;
      said = true;
      log.warn('downloads wait for room on the disk', {
        key: folder.prefix + printableName(path),
        bytes: sizeBytes,
        minFreeBytes,
        hint: `Make room on the file system of ${folder.path}; downloads go on by themselves.`,
      });
    },
    drop(path) {
      if (!waiting.delete(path.toString('latin1')) || waiting.size > 0) return;
      said = false;
      log.info('no download waits for room any more', { key: folder.path });
    },
    has: (path) => waiting.has(path.toString('latin1')),
    check() {
      let totalBytes = 0;
      for (const [id, sizeBytes] of waiting) {
        if (!space.fits(totalBytes + sizeBytes)) continue;
        totalBytes += sizeBytes;
        mark(Buffer.from(id, 'latin1'));
      }
    },
    leftBehind() {
      for (const [id, sizeBytes] of waiting) {
        const key = folder.prefix + printableName(Buffer.from(id, 'latin1'));
        log.warn(`left behind: no room for ${sizeBytes} bytes`, { key, folder: folder.name });
      }
    },
    get size() {
      return waiting.size;
    },
  };
}
