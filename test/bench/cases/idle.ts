/** What watching costs while nothing happens. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Run } from '../figures.ts';
import type { Case } from '../runner.ts';
import type { Server } from '../servers.ts';
import { makeTree, removeNotes, type Tree } from '../trees.ts';
import { type Watcher, watchersOf } from '../watchers.ts';

const FILES = 100_000;
const FILE_BYTES = 64;
const WATCH_MS = 60_000;
/** What the upload has left behind is cleared away first, ours some ten seconds after the last file. */
const REST_MS = 20_000;

export const idleCase: Case = {
  name: 'idle',
  what: `${FILES.toLocaleString('en-US')} files that are uploaded and watched, for ${WATCH_MS / 1000} s without a change`,
  async contenders(bench) {
    const server = await bench.sink();
    const files = bench.quick ? FILES / 10 : FILES;
    const tree = makeTree(bench.newDirectory('idle'), { files, fileBytes: FILE_BYTES });
    return (await watchersOf(bench)).map((watcher) => ({
      name: watcher.name,
      runs: 1,
      run: () => idle(server, watcher, tree, bench),
    }));
  },
};

async function idle(server: Server, watcher: Watcher, tree: Tree, bench: Bench): Promise<Run> {
  const target = await server.newBucket();
  const watching = await watcher.start(tree.path, target);
  try {
    const missing = await watching.untilStored(server, target, tree.files);
    if (missing > 0) throw new Error(`${missing} of ${tree.files} files were not uploaded`);
    await delay(REST_MS);
    const before = watching.usage();
    const seconds = (bench.quick ? WATCH_MS / 10 : WATCH_MS) / 1000;
    await delay(seconds * 1000);
    const after = watching.usage();
    return {
      rssMb: after.rssMb,
      more: {
        peakRssMb: after.peakRssMb,
        idleCpuPercent: (100 * (after.cpuS - before.cpuS)) / seconds,
        wakeupsPerS: (after.wakeups - before.wakeups) / seconds,
      },
    };
  } finally {
    await watching.stop();
    removeNotes(tree);
  }
}
