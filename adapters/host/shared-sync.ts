/**
 * fsync of directories, once for all who ask while another is under way: what they did before they asked is on the disk
 * when theirs has ended. So many files of one directory cost few.
 *
 * Not syncfs(2): it also waits for whatever other programs have written to the file system.
 */
import { fstatSync, fsync } from 'node:fs';
import { promisify } from 'node:util';

/** The descriptor stays open until it resolves. Rejects with Node's error, for all who share it. */
export type SyncDirectory = (fd: number) => Promise<void>;

const fsyncNow = promisify(fsync);

/** @param sync replaced only by tests */
export function createSharedSync(sync: SyncDirectory = fsyncNow): SyncDirectory {
  const underWay = new Map<string, Promise<void>>();
  const next = new Map<string, Promise<void>>();

  async function afterwards(id: string, fd: number): Promise<void> {
    // Its failure is told to those who asked for it; whoever asks now is told of the next.
    await Promise.allSettled([underWay.get(id)]);
    next.delete(id);
    const work = sync(fd);
    underWay.set(id, work);
    try {
      await work;
    } finally {
      if (underWay.get(id) === work) underWay.delete(id);
    }
  }

  return (fd) => {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    const id = `${dev}:${ino}`;
    const planned = next.get(id) ?? afterwards(id, fd);
    next.set(id, planned);
    return planned;
  };
}
