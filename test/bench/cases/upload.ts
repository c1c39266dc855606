/** A directory into an empty bucket: what a copying tool does, and what the agent does when it first starts. */
import { startAgent, synced } from '../agent.ts';
import type { Bench } from '../bench.ts';
import { type Peer, peersOf } from '../contenders/peer.ts';
import type { Run } from '../figures.ts';
import { type Case, type Contender, OURS } from '../runner.ts';
import type { Server, Target } from '../servers.ts';
import { timed } from '../timed.ts';
import { makeTree, removeNotes, type Tree, type TreeShape } from '../trees.ts';

const PREFIX = 'output/';
const KIB = 1024;
const GIB = 1024 ** 3;

type Upload = TreeShape & { server(bench: Bench): Promise<Server>; atOnce?: number };

/** The sink shows what the client costs, MinIO what both do together on this machine. */
const UPLOADS: (Upload & Pick<Case, 'name' | 'what'>)[] = [
  {
    name: 'small-sink',
    what: '10,000 files of 4 KiB into the null store',
    files: 10_000,
    fileBytes: 4 * KIB,
    server: (bench) => bench.sink(),
  },
  {
    name: 'small-minio',
    what: '10,000 files of 4 KiB into MinIO',
    files: 10_000,
    fileBytes: 4 * KIB,
    server: (bench) => bench.minio(),
  },
  {
    name: 'mid-sink',
    what: '1,000 files of 256 KiB into the null store',
    files: 1000,
    fileBytes: 256 * KIB,
    server: (bench) => bench.sink(),
  },
  {
    name: 'big-sink',
    what: 'one file of 4 GiB into the null store',
    files: 1,
    fileBytes: 4 * GIB,
    server: (bench) => bench.sink(),
  },
  {
    name: 'slow-sink',
    what: '2,000 files of 4 KiB into a null store that answers after 50 ms',
    files: 2_000,
    fileBytes: 4 * KIB,
    server: (bench) => bench.sink('-delay', '50ms'),
    atOnce: 256,
  },
];

export const uploadCases: Case[] = UPLOADS.map((upload) => ({
  name: upload.name,
  what: upload.what,
  contenders: async (bench) =>
    uploadOf(bench, { ...upload, ...shapeOf(upload, bench.quick) }, await peersOf(bench)),
}));

/** Ours, and the peers, with the same tree and the same server. */
export async function uploadOf(
  bench: Bench,
  { files, fileBytes, server: serverOf, atOnce }: Upload,
  peers: readonly Peer[],
): Promise<Contender[]> {
  const server = await serverOf(bench);
  const tree = makeTree(bench.newDirectory('upload'), { files, fileBytes });
  return [
    { name: OURS, run: () => uploadByAgent(bench, server, tree, atOnce) },
    ...peers.map((peer) => ({
      name: peer.name,
      run: () => counted(server, tree, (to) => timed(bench, peer.upload(tree.path, to, PREFIX, atOnce))),
    })),
  ];
}

function shapeOf({ files, fileBytes }: TreeShape, quick: boolean): TreeShape {
  if (!quick) return { files, fileBytes };
  return files === 1 ? { files, fileBytes: fileBytes / 8 } : { files: files / 10, fileBytes };
}

/** From the start of the process until everything is in the store and in the index; and from when it is ready. */
async function uploadByAgent(bench: Bench, server: Server, tree: Tree, atOnce?: number): Promise<Run> {
  try {
    return await counted(server, tree, async (target) => {
      const folder = { path: tree.path, prefix: PREFIX, mode: 'mirror' as const };
      const settings = atOnce === undefined ? {} : { limits: { concurrency: atOnce } };
      const agent = await startAgent(bench, { target, folder, settings });
      try {
        await agent.until(synced(tree.files));
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
  } finally {
    removeNotes(tree);
  }
}

/** Into a bucket of its own; what is missing there afterwards makes the run a failure. */
export async function counted(server: Server, tree: Tree, work: (to: Target) => Promise<Run>): Promise<Run> {
  const target = await server.newBucket();
  const before = await server.requests?.();
  const run = await work(target);
  const after = await server.requests?.();
  await expectStored(server, target, tree);
  return {
    objects: tree.files,
    bytes: tree.bytes,
    ...run,
    ...(before === undefined || after === undefined ? {} : { requests: after - before }),
  };
}

async function expectStored(server: Server, target: Target, tree: Tree): Promise<void> {
  const { objects, bytes } = await server.stored(target);
  if (objects === tree.files && bytes === tree.bytes) return;
  throw new Error(`${objects} of ${tree.files} objects and ${bytes} of ${tree.bytes} bytes are in the store`);
}
