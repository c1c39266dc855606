/** A pass that cannot look at its folder does not end without a word. */
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
