/** The host as an agent sees it after the power was out: it has started anew, though here only a disk of it did. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './campaign.ts';

/** https://man7.org/linux/man-pages/man4/random.4.html */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/**
 * What to put before an agent. It gets mounts of its own, and of the world's disks only the one that it works on: else it
 * would keep the others from going while it runs.
 *
 * @param disk where its folder is mounted
 */
export function nextBoot({ directory }: Pick<World, 'directory'>, disk: string): string[] {
  const file = join(mkdtempSync(join(directory, 'boot-')), 'id');
  writeFileSync(file, `${randomUUID()}\n`);
  const others = `awk '$2 != "${disk}" && index($2, "${directory}/") == 1 { print $2 }' /proc/mounts`;
  const script = `${others} | xargs -r umount -l && mount --bind ${file} ${BOOT_ID} && exec "$0" "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script];
}
