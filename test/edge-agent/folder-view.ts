/** A folder as its runner shows it, with what a test says of it. */
import type { FolderView } from '../../edge-agent/folder.ts';

export function folderView(says: Partial<FolderView>): FolderView {
  return {
    name: 'output',
    path: '/srv/output',
    prefix: 'output/',
    mode: 'move',
    state: 'working',
    reason: '',
    watch: 'inotify',
    queued: 0,
    putOff: 0,
    synced: 0,
    waiting: 0,
    parked: 0,
    heldDeletes: 0,
    ...says,
  };
}
