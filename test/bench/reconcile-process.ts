/**
 * `compare|list HUB COPY LOOKS`: the code of the function `reconcile` on two real listings, in a process of its own; or
 * the two listings alone, of which the comparison is made.
 */
import { compareSegment } from '#adapters/reconcile-segment.ts';
import { NOTHING_SEEN } from '#core/reconcile-message.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import { storeOf, type Target } from './servers.ts';

const [what, hubText = '', copyText = '', expectedLooks] = process.argv.slice(2);
const hub = storeOf(JSON.parse(hubText) as Target);
const destination = storeOf(JSON.parse(copyText) as Target);
if (what === 'list') await listBoth();
else await compare();
await Promise.all([hub.close(), destination.close()]);

async function compare(): Promise<void> {
  let looks = 0;
  const ports = {
    hub,
    destination,
    reports: createMemoryStore({ bucket: 'reports' }),
    looks: {
      send: async (some: readonly unknown[]) => {
        looks += some.length;
      },
    },
    remainingMs: () => 900_000,
  };
  const settings = { name: 'copy', prefix: '', deletes: true, createBucket: false };
  const run = { runId: 'bench', segment: 1, dryRun: false, counts: NOTHING_SEEN };
  await compareSegment(ports, settings, run);
  if (looks !== Number(expectedLooks)) throw new Error(`${looks} of ${expectedLooks} differences were found`);
}

async function listBoth(): Promise<void> {
  const all = [hub, destination].map(async (store) => {
    for await (const _ of store.list('')) {
      // Only listed.
    }
  });
  await Promise.all(all);
}
