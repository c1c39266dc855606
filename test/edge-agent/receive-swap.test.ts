/** Somebody with access to the folder swaps a directory for a symlink while files are written into it (torture 34). */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startChild, temporaryFolder } from '../adapters/host/folder.ts';
import { receiveSetup } from './receive-setup.ts';

const FILES = 150;
/** Says how often it has swapped when it is asked. */
const SWAPPER = `
  const [real, target] = process.argv.slice(1);
  let swaps = 0;
  let stopped = false;
  // The agent may make the directory anew between two steps: then both are there, and nothing is lost.
  const attempt = (step) => { try { step(); return true; } catch { return false; } };
  const swap = () => {
    attempt(() => fs.renameSync(real, real + '.' + swaps));
    if (attempt(() => fs.symlinkSync(target, real))) swaps++;
    attempt(() => fs.unlinkSync(real));
    attempt(() => fs.renameSync(real + '.' + (swaps - 1), real));
    if (!stopped) setImmediate(swap);
  };
  process.stdin.on('data', () => { stopped = true; console.log(swaps); });
  console.log('ready');
  swap();
`;

it('writes nothing outside the folder, and loses nothing, while a directory is swapped for a symlink', async () => {
  const { put, once, path, root, inBucket } = receiveSetup();
  const outside = temporaryFolder();
  mkdirSync(path('d'));
  const names = Array.from({ length: FILES }, (_, n) => `f${n}`);
  await Promise.all(names.map((name) => put(`d/${name}`, `content of ${name}`)));
  const swapper = startChild(SWAPPER, path('d'), outside);
  expect(await swapper.line()).toBe('ready');
  await once();
  swapper.say('?');
  expect(Number(await swapper.line())).toBeGreaterThan(FILES);
  expect(readdirSync(outside)).toEqual([]);
  const kept = new Set(
    readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => name.split('/').at(-1)),
  );
  for (const name of names) expect(kept.has(name) || inBucket(`d/${name}`), name).toBe(true);
  const written = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\/f\d+$/.test(name),
  );
  for (const name of written) {
    expect(readFileSync(join(root, name), 'utf8')).toBe(`content of ${name.split('/').at(-1)}`);
  }
});
