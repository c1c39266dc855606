/** As many files as a program can make, in directories that are new: none may be missed. */
import type { Bench } from '../bench.ts';
import type { Run } from '../figures.ts';
import { type Case, OURS } from '../runner.ts';
import type { Server } from '../servers.ts';
import { writeTree } from '../trees.ts';
import { type Watcher, watchersOf } from '../watchers.ts';

const FILES = 200_000;
const FILE_BYTES = 64;

export const burstCase: Case = {
  name: 'burst',
  what: `${FILES.toLocaleString('en-US')} files of ${FILE_BYTES} bytes in 2,000 new directories, written as fast as possible below a watched folder, into the null store`,
  async contenders(bench) {
    const server = await bench.sink();
    const files = bench.quick ? FILES / 10 : FILES;
    return (await watchersOf(bench)).map((watcher) => ({
      name: watcher.name,
      ...(watcher.name === OURS ? {} : { runs: 1 }),
      run: () => burst(bench, server, watcher, files),
    }));
  },
};

/** From the first file until the last object. */
async function burst(bench: Bench, server: Server, watcher: Watcher, files: number): Promise<Run> {
  const target = await server.newBucket();
  const directory = bench.newDirectory('burst');
  const watching = await watcher.start(directory, target);
  try {
    const startedMs = performance.now();
    const tree = writeTree(directory, { files, fileBytes: FILE_BYTES });
    const writtenMs = performance.now();
    const lost = await watching.untilStored(server, target, files);
    const seconds = (performance.now() - startedMs) / 1000;
    const { cpuS, peakRssMb } = watching.usage();
    const more = { lost, writtenSeconds: (writtenMs - startedMs) / 1000 };
    // Nobody is fast who has not done the work; what a peer loses is what this case is about.
    if (lost > 0) return { rssMb: peakRssMb, more };
    return { seconds, objects: files, bytes: tree.bytes, cpuS, rssMb: peakRssMb, more };
  } finally {
    await watching.stop();
  }
}
