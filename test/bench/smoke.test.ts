import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AGENT_MAIN } from './agent.ts';
import { createBench } from './bench.ts';
import { counted, uploadOf } from './cases/upload.ts';
import { usageOf } from './usage.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

test('the agent itself uploads a tree into the null store, and everything is counted there', async () => {
  const bench = createBench({ quick: false, agent: [process.execPath, AGENT_MAIN], say: () => {} });
  const directory = bench.newDirectory('kept');
  try {
    const server = await bench.sink();
    const [ours] = await uploadOf(bench, { files: 50, fileBytes: 4096, server: async () => server }, []);
    const run = await ours?.run();
    expect(run).toMatchObject({ objects: 50, bytes: 50 * 4096 });
    expect(run?.requests).toBeGreaterThanOrEqual(50);
    expect(run?.cpuS).toBeGreaterThan(0);
    expect(run?.rssMb).toBeGreaterThan(10);
  } finally {
    await bench.close();
  }
  expect(existsSync(directory)).toBe(false);
});

test('who has not done all the work has failed, however fast', async () => {
  const bench = createBench({ quick: false, agent: [process.execPath, AGENT_MAIN], say: () => {} });
  try {
    const tree = { path: '', files: 50, bytes: 200 };
    const run = counted(await bench.sink(), tree, async () => ({ seconds: 0.001 }));
    await expect(run).rejects.toThrow('0 of 50 objects and 0 of 200 bytes are in the store');
  } finally {
    await bench.close();
  }
});

test('a case that does not exist is wrong usage', () => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, '--only', 'rescn'], { encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stderr).toContain('did you mean rescan?');
});

test('what a process has taken is read of the process itself', () => {
  const { cpuS, rssMb, peakRssMb, wakeups } = usageOf(process.pid);
  expect(cpuS).toBeGreaterThan(0);
  expect(peakRssMb).toBeGreaterThanOrEqual(rssMb);
  expect(wakeups).toBeGreaterThan(0);
});
