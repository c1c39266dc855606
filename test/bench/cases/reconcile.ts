/** Two buckets of a million keys compared, through real listings. */
import { fileURLToPath } from 'node:url';
import { objectKey } from '#core/key.ts';
import { NODE_OPTIONS } from '../../../infra/bundle.ts';
import { mcDiff } from '../contenders/mc.ts';
import type { Run } from '../figures.ts';
import { type Case, OURS } from '../runner.ts';
import { type Server, storeOf, type Target } from '../servers.ts';
import { type Command, timed } from '../timed.ts';

const KEYS = 1_000_000;
/** Every so-manyth is missing at the destination. */
const MISSING_EVERY = 1000;
const PROGRAM = fileURLToPath(import.meta.resolve('../reconcile-process.ts'));

export const reconcileCase: Case = {
  name: 'reconcile',
  what: `two buckets of a million keys each, of which ${KEYS / MISSING_EVERY} differ, listed from the null store and compared`,
  async contenders(bench) {
    const keys = bench.quick ? KEYS / 10 : KEYS;
    const server = await bench.sink('-list', String(keys));
    const { hub, copy } = await bench.shared('listings', () => listings(server, keys));
    const mc = await bench.programs.mc();
    const compared = (command: Command) => async (): Promise<Run> => {
      const before = (await server.requests?.()) ?? 0;
      const run = await timed(bench, command);
      return { ...run, objects: keys, requests: ((await server.requests?.()) ?? 0) - before };
    };
    const ours = (what: string) => ({
      program: process.execPath,
      args: [PROGRAM, what, JSON.stringify(hub), JSON.stringify(copy), String(keys / MISSING_EVERY)],
      environment: { NODE_OPTIONS },
    });
    return [
      { name: OURS, run: compared(ours('compare')) },
      { name: 'the same listings alone', runs: 1, run: compared(ours('list')) },
      { name: 'mc diff', runs: 1, run: compared(mcDiff(mc, hub, copy)) },
    ];
  },
};

async function listings(server: Server, keys: number): Promise<{ hub: Target; copy: Target }> {
  const target = await server.newBucket();
  const hub = { ...target, bucket: 'listing-hub' };
  const copy = { ...target, bucket: 'listing-copy' };
  const store = storeOf(copy);
  try {
    for await (const _ of store.list('')) break;
    for (let index = 0; index < keys; index += MISSING_EVERY) {
      await store.delete(objectKey(`output/${String(index).padStart(9, '0')}.dat`));
    }
  } finally {
    await store.close();
  }
  return { hub, copy };
}
