/**
 * What stands for adapters/host/watcher.ts: hints about changes of names and closes of writers, late, twice, in any order,
 * or never; at times too many at once, and then a comparison is asked for.
 */
import type { WatchEvents, Watcher } from '#adapters/host/watcher.ts';
import type { Inode } from './disk.ts';
import { at, filesBelow, pathBelow } from './paths.ts';
import { caller, later, type Process } from './process.ts';

export interface Watching {
  /** The name means something else, or a writer of the file that has it has closed. */
  told(directory: Inode, name: string, inode: Inode | undefined): void;
  /** Another directory has the root's name. */
  replaced(): void;
}

/** Of each disk, whoever watches something on it. */
export const watchings = new WeakMap<Process['machine']['disk'], Set<Watching>>();

const LATE_MS = 30_000;
const SOON_MS = 50;
/** How often the real one looks whether the root is still the same. */
const ROOT_CHECK_MS = 2_000;

export const watching = {
  async watchTree(root: Buffer, { gone }: { gone: boolean }, events: WatchEvents): Promise<Watcher> {
    const process = caller('watch');
    const { disk, sim } = process.machine;
    const { choices, faults } = sim;
    const rootPath = root.toString('latin1');
    let watched = at(disk, rootPath);
    let closed = false;

    function soon(action: () => void): void {
      const delayMs = choices.below(faults.hits('hint late') ? LATE_MS : SOON_MS);
      later(process, delayMs, () => {
        if (!closed) action();
      });
    }

    function hint(path: string, inode: Inode | undefined): void {
      if (inode === undefined) {
        if (gone) events.onGone(Buffer.from(path, 'latin1'));
      } else if (inode.kind === 'directory') {
        for (const file of filesBelow(inode, path)) events.onDirty(Buffer.from(file.path, 'latin1'));
      } else events.onDirty(Buffer.from(path, 'latin1'));
    }

    const one: Watching = {
      told(directory, name, inode) {
        const path = watched === undefined ? undefined : pathBelow(watched, directory, name);
        if (path === undefined || path === '.sluice' || path.startsWith('.sluice/')) return;
        if (faults.hits('hint lost')) return;
        if (faults.hits('hints overflow')) {
          soon(() => events.onRescan('the kernel had more events than it keeps'));
          return;
        }
        soon(() => hint(path, inode));
        if (faults.hits('hint doubled')) soon(() => hint(path, inode));
      },
      replaced() {
        later(process, choices.below(ROOT_CHECK_MS), () => {
          if (closed) return;
          watched = at(disk, rootPath);
          events.onRescan('the folder was replaced');
        });
      },
    };
    const all = watchings.get(disk) ?? new Set();
    watchings.set(disk, all.add(one));
    await new Promise<void>((resolve) => later(process, choices.below(SOON_MS), resolve));
    return {
      kind: 'inotify',
      watchCount: 1,
      close() {
        closed = true;
        all.delete(one);
      },
    };
  },
};
