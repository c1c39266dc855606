/** An ignored file is not looked at by whatever way its name comes up. A running folder with real files. */
import { mkdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { createFolderRunner } from '../../edge-agent/folder-runner.ts';
import { openFolder } from '../../edge-agent/open-folder.ts';
import { receiveSetup } from './receive-setup.ts';

const SOON = { timeout: 15_000 };

function mirrored() {
  const setup = receiveSetup({ mode: 'mirror' });
  const runner = () => {
    const one = createFolderRunner(setup.context, openFolder);
    onTestFinished(() => one.stop());
    return one;
  };
  /** Resolves when it runs; `stop` ends it when all that happened before has been looked at. */
  const start = async () => {
    const one = runner();
    await one.run();
    await expect.poll(() => one.view().lastScan !== undefined, SOON).toBe(true);
    return async () => {
      writeFileSync(setup.path('last'), 'x');
      await expect.poll(() => setup.inBucket('last'), SOON).toBe(true);
      await one.stop();
    };
  };
  const pass = async () => {
    const one = runner();
    expect(await one.once()).toBe(0);
    await one.stop();
  };
  return {
    ...setup,
    start,
    pass,
    contents: (name: string) => String(setup.memory.contents(setup.key(name))),
  };
}

/** Two files that were synced before the settings said to ignore them. */
async function ignoredByNow() {
  const setup = mirrored();
  const names = ['app.log', 'd/app.log'];
  mkdirSync(setup.path('d'));
  for (const name of names) writeFileSync(setup.path(name), 'content');
  await setup.pass();
  expect(names.map(setup.contents)).toEqual(['content', 'content']);
  setup.context.folder.ignore = ['*.log'];
  return setup;
}

it('an ignored name that is used again right after a rename is not uploaded', async () => {
  const { path, inBucket, start } = mirrored();
  const stop = await start();
  writeFileSync(path('data.tmp'), 'first');
  renameSync(path('data.tmp'), path('data'));
  writeFileSync(path('data.tmp'), 'half of the second');
  await stop();
  expect(['data', 'data.tmp'].map(inBucket)).toEqual([true, false]);
});

it('a hidden file that an editor saves with a backup is not uploaded, and what its key holds stays', async () => {
  const { path, put, contents, start } = mirrored();
  await put('.env', 'of somebody else');
  writeFileSync(path('.env'), 'SECRET=1');
  const stop = await start();
  renameSync(path('.env'), path('.env~'));
  writeFileSync(path('.env'), 'SECRET=2');
  unlinkSync(path('.env~'));
  await stop();
  expect(contents('.env')).toBe('of somebody else');
});

it('a file that is ignored by now does not take its key back from somebody else', async () => {
  const { put, contents, pass } = await ignoredByNow();
  await put('app.log', 'of somebody else');
  await pass();
  expect(contents('app.log')).toBe('of somebody else');
});

it('a file that is ignored by now is not uploaded when another directory has the name of its own', async () => {
  const { path, contents, start } = await ignoredByNow();
  const stop = await start();
  renameSync(path('d'), path('e'));
  mkdirSync(path('d'));
  writeFileSync(path('d/app.log'), 'other content');
  await stop();
  expect(contents('d/app.log')).toBe('content');
});
