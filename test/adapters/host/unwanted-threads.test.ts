/** A thread that nobody wants any more ends, at whatever it is just doing, and not the process with it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runInChild, temporaryFolder } from './folder.ts';

const ADAPTERS = join(import.meta.dirname, '../../../adapters/host');
/** From before the thread has loaded anything until it has done its work. */
const MOMENTS = 40;
const SETUP = `
  const [adapters, directory, moments] = process.argv.slice(1);
  const root = Buffer.from(directory + '/tree');
  const { setTimeout: passed } = require('node:timers/promises');
  const atEachMoment = async (action) => {
    for (let n = 0; n < Number(moments); n++) await action(4 * n);
  };
`;
const SCANS = `${SETUP}
  (async () => {
    const { openIndex } = await import(adapters + '/index-db.ts');
    const { scanChanges } = await import(adapters + '/scan.ts');
    const indexFile = directory + '/index.db';
    openIndex(indexFile).close();
    await atEachMoment(async (ms) => {
      const stopping = new AbortController();
      setTimeout(() => stopping.abort(new Error('unwanted')), ms);
      const tell = () => {
        if (stopping.signal.aborted) throw new Error('told what nobody wanted any more');
        // The thread comes to wait for this.
        return passed(5);
      };
      await scanChanges(root, { indexFile, folder: 'out', trusted: true }, tell, stopping.signal).catch((error) => {
        if (error.message !== 'unwanted') throw error;
      });
    });
  })();
`;
const POLLS = `${SETUP}
  (async () => {
    const { createPoller } = await import(adapters + '/polling.ts');
    await atEachMoment(async (ms) => {
      const fail = (error) => { throw error; };
      const nothing = () => {};
      const events = { onDirty: nothing, onGone: nothing, onProblem: fail, check: nothing, beforeRound: nothing, onSettled: nothing, onFailed: fail };
      const poller = createPoller(root, 60_000, events);
      poller.add(Buffer.alloc(0), false);
      await passed(ms);
      poller.close();
    });
  })();
`;

test.each([
  ['scan', SCANS],
  ['poll', POLLS],
])('a thread that is to %s ends without the process', async (_what, script) => {
  const directory = temporaryFolder();
  mkdirSync(join(directory, 'tree'));
  for (let n = 0; n < 12_000; n++) writeFileSync(join(directory, 'tree', `file-${n}`), '');
  await expect(runInChild(script, ADAPTERS, directory, String(MOMENTS))).resolves.toBeUndefined();
});
