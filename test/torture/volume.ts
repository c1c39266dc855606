/** A file system of a campaign's own: on a loop device or in memory, for the power to go out, or the room. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import type { World } from './campaign.ts';

export type DiskKind = 'ext4' | 'xfs';

export interface Volume {
  /** Where it is mounted. */
  path: string;
  mount(): void;
  unmount(): void;
}

export interface Disk extends Volume {
  /**
   * The power goes out: what is not on the disk by now never will be. Every process that could still ask for a flush
   * must have been stopped before.
   */
  cut(): void;
  /** Of the loop device, such as `loop3`. */
  device(): string;
}

/** https://github.com/torvalds/linux/blob/master/include/uapi/linux/fs.h and xfs_fs.h: the same call for both */
const FS_IOC_SHUTDOWN = 0x8004587d;
const NO_LOG_FLUSH = 2;
/** mkfs.xfs makes none that is smaller than 300 MB; both are sparse. */
const BYTES: Record<DiskKind, number> = { ext4: 64 * 1024 * 1024, xfs: 320 * 1024 * 1024 };
const MAKE: Record<DiskKind, string[]> = { ext4: ['-q', '-F'], xfs: ['-q', '-f'] };
const RELEASED_WITHIN_MS = 120_000;
const ioctl = koffi.load(null).func('int ioctl(int fd, unsigned long request, ...)');

export function createDisk(world: World, kind: DiskKind, name: string, options = ''): Disk {
  const image = join(world.directory, `${name}.${kind}`);
  const path = join(world.directory, `${name}.mounted`);
  writeFileSync(image, '');
  truncateSync(image, BYTES[kind]);
  execFileSync(`mkfs.${kind}`, [...MAKE[kind], image], { stdio: 'ignore' });
  const volume = volumeAt(world, path, [
    '-o',
    ['loop', ...(options === '' ? [] : [options])].join(','),
    image,
    path,
  ]);
  return {
    ...volume,
    cut() {
      const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        const how = Buffer.alloc(4);
        how.writeUInt32LE(NO_LOG_FLUSH);
        if (ioctl(fd, FS_IOC_SHUTDOWN, 'uint8_t *', how) !== 0) {
          throw new Error(`the power of ${path} could not be cut: errno ${koffi.errno()}`);
        }
      } finally {
        closeSync(fd);
      }
    },
    unmount() {
      const device = deviceOf(path);
      volume.unmount();
      released(`/sys/fs/${kind}/${device}`);
    },
    device: () => deviceOf(path),
  };
}

function deviceOf(path: string): string {
  return execFileSync('findmnt', ['-no', 'SOURCE', path], { encoding: 'utf8' }).trim().replace('/dev/', '');
}

/**
 * Whoever has taken a mount namespace of his own meanwhile has the mount too, and keeps what was cut: mounted again it would
 * be the same file system. https://man7.org/linux/man-pages/man7/mount_namespaces.7.html
 */
function released(knownToKernel: string): void {
  const startedMs = performance.now();
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  while (existsSync(knownToKernel)) {
    if (performance.now() - startedMs > RELEASED_WITHIN_MS)
      throw new Error(`${knownToKernel}: another mount namespace still has it`);
    Atomics.wait(sleeper, 0, 0, 10);
  }
}

/** @param options of https://man7.org/linux/man-pages/man5/tmpfs.5.html, such as `size=1m` */
export function createMemoryDisk(world: World, name: string, options: string): Volume {
  const path = join(world.directory, name);
  return volumeAt(world, path, ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
}

/** A directory that is mounted at another place, and can be taken away from there. */
export function createBind(world: World, name: string): Volume {
  const [source, path] = [join(world.directory, `${name}.source`), join(world.directory, name)];
  mkdirSync(source);
  const volume = volumeAt(world, path, ['--bind', source, path]);
  return { ...volume, unmount: () => void execFileSync('umount', ['-l', path], { stdio: 'pipe' }) };
}

function volumeAt(world: World, path: string, mountArguments: string[]): Volume {
  mkdirSync(path);
  const mount = () => void execFileSync('mount', mountArguments, { stdio: 'pipe' });
  mount();
  // Lazily: whatever still holds a file of it is ended by then, or will be.
  world.cleanup.defer(() => {
    if (isMounted(path)) execFileSync('umount', ['-l', path], { stdio: 'pipe' });
  });
  return { path, mount, unmount: () => void execFileSync('umount', [path], { stdio: 'pipe' }) };
}

function isMounted(path: string): boolean {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[1] === path);
}
