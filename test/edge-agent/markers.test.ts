/** Markers are written whole or not at all. Real files; what is seen in use is in `append.test.ts`. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createMarkers } from '../../edge-agent/markers.ts';
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
