/** A file system of its own, mounted where only a child process sees it. */
import { type Child, startCommand } from './folder.ts';

/**
 * Runs an ECMAScript module in another process that talks in lines, with a `tmpfs` on the directory.
 *
 * @param size as `mount` reads it
 */
export function startMounted(directory: string, size: string, script: string, ...args: string[]): Child {
  const mount = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$0" --input-type=module -e "$@"';
  // Without root a user namespace of its own gives the right to mount.
  const namespace = process.getuid?.() === 0 ? '-m' : '-Urm';
  const command = ['sh', '-c', mount, process.execPath, size, directory, script, ...args];
  return startCommand('unshare', [namespace, ...command]);
}
