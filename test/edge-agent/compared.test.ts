/** That a folder was compared with its index is noted, however late: deletes wait for it. */
import { expect, it, onTestFinished, vi } from 'vitest';
import { claimFolder } from '../../edge-agent/folder-claim.ts';
import { openFolder } from '../../edge-agent/open-folder.ts';
import { receiveSetup } from './receive-setup.ts';

it('notes a comparison again that could not be noted, without another one', async () => {
  const { context, lines } = receiveSetup({ mode: 'mirror' });
  let noted = 0;
  let room = false;
  const onCompared = () => {
    if (!room) throw new Error('the disk is full');
    noted++;
  };
  const claim = claimFolder(context.folder, context.index);
  const folder = openFolder({ ...context, onCompared }, claim, undefined);
  onTestFinished(() => folder.close());
  await folder.scan('start');
  await vi.waitFor(() =>
    expect(lines).toContainEqual(expect.objectContaining({ message: 'the disk is full' })),
  );
  room = true;
  const nowMs = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs + 60_000);
  onTestFinished(() => clock.mockRestore());
  await folder.tick();
  await folder.tick();
  expect(noted).toBe(1);
});
