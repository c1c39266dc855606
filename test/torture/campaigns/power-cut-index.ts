/** The power goes out while the index is written: what it has acknowledged is in it afterwards. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { openIndex } from '#adapters/host/index-db.ts';
import { type Campaign, goesOn } from '../campaign.ts';
import { fault } from '../judge.ts';
import { stopped } from '../stopped.ts';
import { createDisk } from '../volume.ts';

const PROJECT = join(import.meta.dirname, '../../..');
const WORKING_MS = 300;
const FOLDER = 'torture';

/** Puts rows and says the number of each once it is flushed. */
const WRITING = `(async () => {
  const { openIndex } = await import(process.argv[1] + '/adapters/host/index-db.ts');
  const index = openIndex(process.argv[2]);
  for (let number = 0; ; number++) {
    index.put({
      folder: '${FOLDER}', path: Buffer.from(String(number)), dev: 1n, ino: BigInt(number), sizeBytes: number,
      mtimeNs: 1n, ctimeNs: 1n, md5: '', partBytes: 0, etag: 'e' + number, versionId: '', state: 'synced',
      attempts: 0, nextAttemptMs: 0, lastError: '',
    });
    index.flush();
    require('node:fs').writeSync(1, number + '\\n');
  }
})()`;

export const powerCutIndex: Campaign = {
  name: 'power-cut-index',
  title: 'power cuts while the index is written: every acknowledged row is there',
  cases: [4],
  needs: ['root', 'ext4'],
  rounds: 20,
  async run(world) {
    const { tally, random, cleanup } = world;
    const disk = createDisk(world, 'ext4', 'index');
    while (goesOn(world)) {
      tally.round();
      const directory = join(disk.path, String(tally.rounds));
      mkdirSync(directory);
      const file = join(directory, 'index.db');
      const child = spawn(process.execPath, ['-e', WRITING, PROJECT, file], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      cleanup.defer(() => void child.kill('SIGKILL'));
      const ended = new Promise((resolve) => child.once('close', resolve));
      let acknowledged = -1;
      const lines = createInterface({ input: child.stdout });
      const first = new Promise((resolve) => lines.once('line', resolve));
      lines.on('line', (line) => {
        acknowledged = Number(line);
      });
      await first;
      await delay(random.next() * WORKING_MS);
      await stopped({ process: child });
      disk.cut();
      tally.fired();
      child.kill('SIGKILL');
      await ended;
      disk.unmount();
      disk.mount();
      const index = openIndex(file);
      const rows = [...index.below(FOLDER, Buffer.alloc(0))].length;
      const damaged = index.quarantined?.message;
      index.close();
      if (damaged !== undefined || rows <= acknowledged) {
        tally.wrong([
          fault(
            'lost',
            `round ${tally.rounds}: ${acknowledged + 1} rows acknowledged, ${rows} there ${damaged ?? ''}`,
          ),
        ]);
      }
    }
  },
};
