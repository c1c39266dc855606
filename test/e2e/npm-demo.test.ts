/** The guided tour, as somebody runs it who only wants to know whether it works. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, it, onTestFinished } from 'vitest';
import { startLocalProgram } from './local-program.ts';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
};

it('breaks everything, sees it heal, compares every byte, and ends with 0 and nothing left', async () => {
  const left = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('sluice-demo-'));
  const before = await left();
  const demo = startLocalProgram('demo.ts', ['--yes']);
  onTestFinished(() => void demo.process.kill('SIGKILL'));
  expect(await demo.exit, demo.output()).toBe(0);
  const output = demo.output();
  expect(output).toMatch(/=> queue mirror-offsite: \d+ messages wait/);
  expect(output).toMatch(/=> killed with [2-6] parts of output\/large\.bin/);
  expect(output).toContain('=> in the hub under its name: nothing');
  for (const place of ['hub', 'destination mirror', 'destination offsite', 'ledger', 'file manager']) {
    expect(output).toMatch(new RegExp(`^${place} +13 +33,794,432 +as it should be$`, 'm'));
  }
  expect(output).toContain('Everything converged.');
  expect(await left()).toEqual(before);
});

it('waits for a key at each step, and ends with 1 and the name when one byte is not what was dropped', async () => {
  const demo = startLocalProgram('demo.ts', []);
  onTestFinished(() => void demo.process.kill('SIGKILL'));
  const key = () => demo.process.stdin?.write(' ');
  for (const step of [1, 2, 3, 4]) {
    await demo.says(new RegExp(`^${step}\\. [\\s\\S]*Press a key to go on`, 'm'));
    key();
  }
  await demo.says(/^5\. [\s\S]*Press a key to go on/m);
  const [, endpoint = ''] = await demo.says(/For any S3 client: (\S+),/);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  onTestFinished(() => s3.destroy());
  const place = { Bucket: 'sluice-local-offsite', Key: 'output/plain.txt' };
  await s3.send(new PutObjectCommand({ ...place, Body: 'x'.repeat(20_000) }));
  key();
  await demo.says(/Press a key to end/);
  key();
  expect(await demo.exit, demo.output()).toBe(1);
  expect(demo.output()).toMatch(
    /did NOT converge:\n {2}destination offsite: other bytes: output\/plain\.txt\n/,
  );
});

it('ends everything that it started when it is interrupted', async () => {
  const demo = startLocalProgram('demo.ts', []);
  onTestFinished(() => void demo.process.kill('SIGKILL'));
  await demo.says(/Press a key to go on/);
  const children = await descendants(demo.process.pid ?? 0);
  expect(children.length).toBeGreaterThan(1);
  demo.process.kill('SIGINT');
  expect(await demo.exit, demo.output()).toBe(130);
  await expect.poll(() => children.filter(isAlive), { timeout: 20_000 }).toEqual([]);
});

it('refuses a folder that is not empty, and what it does not know', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-full-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'mine.txt'), 'mine');
  const full = startLocalProgram('demo.ts', ['--yes', '--folder', folder]);
  expect(await full.exit).toBe(1);
  expect(full.output()).toContain(`${folder} is not empty`);
  expect(await readdir(folder)).toEqual(['mine.txt']);
  const wrong = startLocalProgram('demo.ts', ['--no']);
  expect(await wrong.exit).toBe(2);
  expect(wrong.output()).toContain('usage: npm run demo');
});

/** https://man7.org/linux/man-pages/man5/proc_pid_task.5.html: `children` of the first thread are those of the process. */
async function descendants(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const children = text.trim().split(' ').filter(Boolean).map(Number);
  const below = await Promise.all(children.map(descendants));
  return [...children, ...below.flat()];
}
