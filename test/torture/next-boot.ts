/** The host as an agent sees it after the power was out: it has started anew, though here only a disk of it did. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './campaign.ts';

/** https://man7.org/linux/man-pages/man4/random.4.html */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** What to put before every agent of one start of the host. */
export function nextBoot({ directory }: Pick<World, 'directory'>): string[] {
  const file = join(mkdtempSync(join(directory, 'boot-')), 'id');
  writeFileSync(file, `${randomUUID()}\n`);
  return ['unshare', '--mount', 'sh', '-c', `mount --bind ${file} ${BOOT_ID} && exec "$0" "$@"`];
}
