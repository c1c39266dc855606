/** A mirror whose uploads are never confirmed while its users go on, on the virtual clock. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import { objectKey } from '#core/key.ts';
import type { HostAct } from './host/host-setup.ts';
import type { Operation } from './operations.ts';
import type { History, Setup } from './setup.ts';
import type { Outcome } from './simulate.ts';

const MINUTE_MS = 60_000;
const host = {
  name: 'host-a',
  mode: 'mirror',
  prefix: 'out/',
  path: '/data/one',
  leases: true,
  concurrency: 2,
  guardCount: 1_000_000,
} as const;

const setup: Setup = {
  versioned: true,
  sequencers: 'aws',
  opaqueEtags: false,
  destinations: [],
  cdn: false,
  hosts: [host],
  retention: false,
  keys: [objectKey('k')],
  latencyMs: 5,
  slow: false,
  longestMs: 15 * MINUTE_MS,
  windowMs: 0,
  rates: { 'lost reply': 1 },
  faultsLastMs: 20_000,
};

const write = (text: string): HostAct => ({
  act: 'write',
  path: 'a',
  chunks: [text],
  pauseMs: 1,
  way: 'over',
});
const gone: HostAct = { act: 'delete', path: 'a' };

async function run(history: History): Promise<Pick<Outcome, 'violation' | 'fired'>> {
  const worker = new Worker(new URL('one-history.ts', import.meta.url), { workerData: history });
  onTestFinished(async () => void (await worker.terminate()));
  const [outcome] = await once(worker, 'message');
  return outcome;
}

it.each<[string, HostAct[], Partial<Setup>]>([
  ['a file', [write('<1>'), gone], {}],
  ['a file that was changed meanwhile', [write('<1>'), write('<2>'), write('<3>'), gone], {}],
  ['a file whose object has an ETag of its own', [write('<1>'), gone], { opaqueEtags: true }],
  ['a file that was renamed before', [write('<1>'), { act: 'rename', path: 'a', to: 'd/b' }], {}],
])('leaves no object of %s in the bucket once it is gone', async (_what, deeds, changes) => {
  const operations = deeds.map((deed): Operation => ({ afterMs: 10_000, do: 'act', host: host.name, deed }));
  const history = { seed: 1, setup: { ...setup, ...changes }, operations };
  const { violation, fired } = await run(history);
  expect(violation).toBeUndefined();
  expect(fired['lost reply']).toBeGreaterThan(0);
});
