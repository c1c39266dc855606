/** One bucket into another, empty one: `buckets:` of the agent, which has the functions' code for it. */
import { agentOnce } from '../agent.ts';
import type { Bench } from '../bench.ts';
import { peersOf } from '../contenders/peer.ts';
import type { Run } from '../figures.ts';
import { type Case, type Contender, OURS } from '../runner.ts';
import type { Server, Target } from '../servers.ts';
import { type Command, timed } from '../timed.ts';
import { makeTree } from '../trees.ts';

const FILES = 10_000;
const WHAT = `${FILES.toLocaleString('en-US')} objects of 4 KiB from one bucket into another`;

export const betweenCases: Case[] = [
  {
    name: 'bucket-to-bucket',
    what: `${WHAT} of the same MinIO; each ends after one pass`,
    contenders: (bench) => contenders(bench, 'minio'),
  },
  {
    name: 'server-to-server',
    what: `${WHAT} of a second MinIO; each ends after one pass (s5cmd knows one server only)`,
    contenders: (bench) => contenders(bench, 'second'),
  },
];

async function contenders(bench: Bench, destinationName: string): Promise<Contender[]> {
  const source = await bench.minio();
  const destination = await bench.minio(destinationName);
  const files = bench.quick ? FILES / 10 : FILES;
  const peers = await peersOf(bench);
  const from = await bench.shared('bucket between', async () => {
    const tree = makeTree(bench.newDirectory('between'), { files, fileBytes: 4096 });
    const target = await source.newBucket();
    const [filler] = peers;
    if (filler !== undefined) await timed(bench, filler.upload(tree.path, target, 'output/'));
    return target;
  });
  const copied = (command: (to: Target) => Command) =>
    copy(bench, { source, destination, from, files }, command);
  return [
    { name: OURS, run: () => copied((to) => agentOnce(bench, { buckets: [mirrorOf(from, to)] }, from)) },
    ...peers.flatMap(({ name, within, between }): Contender[] => {
      const command = source === destination ? within : between;
      return command === undefined ? [] : [{ name, run: () => copied((to) => command(from, to)) }];
    }),
  ];
}

function mirrorOf(from: Target, to: Target) {
  const place = ({ bucket, endpoint }: Target) => ({ bucket, endpoint, type: 'minio' });
  return {
    name: 'mirror',
    source: place(from),
    destinations: [{ name: 'copy', ...place(to) }],
    notifications: 'off',
  };
}

async function copy(
  bench: Bench,
  { source, destination, from, files }: { source: Server; destination: Server; from: Target; files: number },
  command: (to: Target) => Command,
): Promise<Run> {
  const to = await destination.newBucket();
  const run = await timed(bench, command(to));
  const [there, here] = [await destination.stored(to), await source.stored(from)];
  if (there.objects !== files || there.bytes !== here.bytes) {
    throw new Error(
      `${there.objects} of ${files} objects and ${there.bytes} of ${here.bytes} bytes were copied`,
    );
  }
  return { objects: files, bytes: here.bytes, ...run };
}
