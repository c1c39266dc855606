/** Whoever waits for what a `receive` folder brings: takes it out of the folder, so that no disk fills up with it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Scene } from './scene.ts';

/** To be called when all has come, as `heal` has found it. */
export function collect({ folder, truth, mode }: Pick<Scene, 'folder' | 'truth' | 'mode'>): void {
  if (mode !== 'receive') return;
  for (const [name] of truth.present()) {
    rmSync(join(folder, name), { force: true });
    truth.gone(name);
  }
}
