/** Objects to files. Ours removes each object once its file is proved to be on the disk, and syncs what it writes. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startAgent } from '../agent.ts';
import type { Bench } from '../bench.ts';
import { type Peer, peersOf } from '../contenders/peer.ts';
import type { Run } from '../figures.ts';
import { type Case, type Contender, OURS } from '../runner.ts';
import type { Server, Target } from '../servers.ts';
import { timed } from '../timed.ts';
import { makeTree, type Tree } from '../trees.ts';

const FILES = 10_000;
const PREFIX = 'inbox/';

export const receiveCase: Case = {
  name: 'receive',
  what: `${FILES.toLocaleString('en-US')} objects of 4 KiB from MinIO into an empty directory; "move" removes them from the bucket, as ours does`,
  async contenders(bench) {
    const server = await bench.minio();
    const tree = makeTree(bench.newDirectory('receive'), {
      files: bench.quick ? FILES / 10 : FILES,
      fileBytes: 4096,
    });
    const peers = await peersOf(bench);
    const [filler] = peers;
    if (filler === undefined) throw new RangeError('there is a peer that fills the bucket');
    const fill = () => filledBucket(bench, server, filler, tree);
    const lasting = await fill();
    return [
      { name: OURS, run: async () => receive(bench, server, await fill(), tree) },
      ...peers.flatMap(({ name, download, fetch }): Contender[] => [
        {
          name: `${name} copy`,
          run: () =>
            downloaded(bench, tree, (directory) => timed(bench, download(lasting, PREFIX, directory))),
        },
        ...(fetch === undefined
          ? []
          : [
              {
                name: `${name} move`,
                // Beside its copy it shows what the deletes cost.
                runs: 1,
                async run() {
                  const from = await fill();
                  const run = await downloaded(bench, tree, (directory) =>
                    timed(bench, fetch(from, PREFIX, directory)),
                  );
                  await expectEmpty(server, from);
                  return run;
                },
              },
            ]),
      ]),
    ];
  },
};

async function filledBucket(bench: Bench, server: Server, peer: Peer, tree: Tree): Promise<Target> {
  const target = await server.newBucket();
  await timed(bench, peer.upload(tree.path, target, PREFIX));
  return target;
}

async function receive(bench: Bench, server: Server, target: Target, tree: Tree): Promise<Run> {
  const run = await downloaded(bench, tree, async (path) => {
    const agent = await startAgent(bench, { target, folder: { path, prefix: PREFIX, mode: 'receive' } });
    try {
      await agent.until(({ done, queued }) => done.downloaded === tree.files && queued === 0);
      const endedMs = performance.now();
      const { cpuS, peakRssMb } = agent.usage();
      return {
        seconds: (endedMs - agent.startedMs) / 1000,
        cpuS,
        rssMb: peakRssMb,
        more: { objectsPerSWhenReady: (tree.files * 1000) / (endedMs - agent.readyMs) },
      };
    } finally {
      await agent.stop();
    }
  });
  await expectEmpty(server, target);
  return run;
}

async function downloaded(bench: Bench, tree: Tree, work: (directory: string) => Promise<Run>): Promise<Run> {
  const directory = bench.newDirectory('inbox');
  const run = await work(directory);
  const { files, bytes } = contentOf(directory);
  if (files !== tree.files || bytes !== tree.bytes) {
    throw new Error(`${files} of ${tree.files} files and ${bytes} of ${tree.bytes} bytes were downloaded`);
  }
  return { objects: files, bytes, ...run };
}

function contentOf(directory: string): { files: number; bytes: number } {
  const found = { files: 0, bytes: 0 };
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes('.sluice')) continue;
    found.files++;
    found.bytes += lstatSync(join(entry.parentPath, entry.name)).size;
  }
  return found;
}

async function expectEmpty(server: Server, target: Target): Promise<void> {
  const { objects } = await server.stored(target);
  if (objects > 0) throw new Error(`${objects} objects are still in the bucket`);
}
