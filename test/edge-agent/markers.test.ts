/** Markers are written whole or not at all. Real files; what is seen in use is in `append.test.ts`. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createMarkers } from '../../edge-agent/markers.ts';
import { startChild } from '../adapters/host/folder.ts';
import { mirrorSetup } from './mirror-setup.ts';

it('leaves nothing of a marker that cannot be written', async () => {
  const { context, path, mirror } = mirrorSetup({ mode: 'append' });
  mkdirSync(path('d'));
  writeFileSync(path('d/f'), 'content');
  await mirror('d/f');
  const markers = createMarkers(context, 'done.txt');
  const removedMeanwhile = () => {
    rmSync(path('d'), { recursive: true, force: true });
    return false;
  };
  await expect(markers.settle(removedMeanwhile)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(readdirSync(path('.sluice'))).toEqual([]);
});

it.each<[string, (path: string) => unknown]>([
  ['a directory', (path) => mkdirSync(path)],
  ['a fifo, even if a marker would come out of it,', (path) => offerMarker(path)],
  [
    'a file that is too large to read',
    (path) => {
      writeFileSync(path, '');
      truncateSync(path, 2 ** 30);
    },
  ],
])('leaves %s that has the name of a marker, and marks the other directories', async (_what, make) => {
  const { context, path, mirror } = mirrorSetup({ mode: 'append' });
  for (const directory of ['a', 'b']) {
    mkdirSync(path(directory));
    writeFileSync(path(`${directory}/f`), 'content');
    await mirror(`${directory}/f`);
  }
  make(path('a/done.txt'));
  const markers = createMarkers(context, 'done.txt');
  await markers.settle(() => false);
  markers.withdraw(Buffer.from('a/f'));
  expect(['a/done.txt', 'b/done.txt'].map((name) => existsSync(path(name)))).toEqual([true, true]);
});

function offerMarker(path: string): void {
  execFileSync('mkfifo', [path]);
  startChild("fs.writeFileSync(process.argv[1], '2026-01-02T03:04:05.678Z\\n')", path);
}
