/** A pass that cannot look at its folder does not end without a word. */
import { mkdirSync, renameSync } from 'node:fs';
import { expect, it } from 'vitest';
import { claimFolder } from '../../edge-agent/folder-claim.ts';
import { openFolder } from '../../edge-agent/open-folder.ts';
import { openReceiveFolder } from '../../edge-agent/receive-folder.ts';
import { receiveSetup } from './receive-setup.ts';

it.each([
  ['receive', openReceiveFolder],
  ['mirror', openFolder],
])('says in mode %s why the folder was not looked at', async (mode, open) => {
  const { context, lines } = receiveSetup({ mode });
  const claim = claimFolder(context.folder, context.index);
  const folder = open(context, { ...claim, fault: () => 'it cannot be read: ESTALE' }, undefined, {});
  expect(await folder.pass()).toBeGreaterThan(0);
  await folder.close();
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: 'WARN',
      message: 'folder in was not looked at: it cannot be read: ESTALE',
    }),
  );
});

it('knows what it has received all the same when another folder is in its place', async () => {
  const { context, put, once, row, root } = receiveSetup();
  await put('f', 'content');
  expect(await once()).toBe(0);
  const claim = claimFolder(context.folder, context.index);
  const folder = openReceiveFolder(context, claim, undefined, {});
  renameSync(root, `${root}-away`);
  mkdirSync(root);
  await folder.pass();
  await folder.close();
  expect(row('f')?.state).toBe('synced');
});
