/**
 * The filesystems mounted inside a folder. No event tells of a mount or an unmount, but /proc/self/mountinfo can be
 * asked whether it has changed. https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
 */
import { closeSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { hasUrgentNews, isSystemError } from './libc.ts';
import { isHidden } from './watch-listing.ts';

export interface MountTable {
  /** The mount points below the directory, relative to it, each with the id of its mount. */
  below(root: Buffer): { id: string; path: Buffer }[];
  close(): void;
}

const MOUNT_INFO = '/proc/self/mountinfo';

/** Without /proc the table stays empty. */
export function openMountTable(): MountTable {
  const fd = openOrNothing();
  let mounts: { id: string; point: string }[] | undefined;

  function current(): { id: string; point: string }[] {
    if (fd === undefined) return [];
    if (mounts === undefined || hasUrgentNews(fd)) mounts = parse(readFileSync(MOUNT_INFO, 'latin1'));
    return mounts;
  }

  return {
    below(root) {
      const all = current();
      const real = realpathSync(root, { encoding: 'buffer' }).toString('latin1');
      const prefix = real.endsWith('/') ? real : `${real}/`;
      return all
        .filter(({ point }) => point.startsWith(prefix))
        .map(({ id, point }) => ({ id, path: Buffer.from(point.slice(prefix.length), 'latin1') }))
        .filter(({ path }) => !isHidden(Buffer.alloc(0), firstName(path)));
    },
    close() {
      if (fd !== undefined) closeSync(fd);
    },
  };
}

function openOrNothing(): number | undefined {
  try {
    return openSync(MOUNT_INFO, 'r');
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
    return undefined;
  }
}

/** The first field is the id, the fifth the mount point, in which space, tab, newline and backslash are octal. */
function parse(table: string): { id: string; point: string }[] {
  return table
    .split('\n')
    .map((line) => line.split(' '))
    .flatMap(([id, , , , point]) =>
      id === undefined || point === undefined
        ? []
        : [
            {
              id,
              point: point.replace(/\\(\d{3})/g, (_, octal) =>
                String.fromCharCode(Number.parseInt(octal, 8)),
              ),
            },
          ],
    );
}

function firstName(path: Buffer): Buffer {
  const slash = path.indexOf('/');
  return slash === -1 ? path : path.subarray(0, slash);
}
