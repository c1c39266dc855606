import { expect, it } from 'vitest';
import { handedUploads } from '#adapters/handed-upload.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { createMemoryControls } from '../doubles/controls-memory.ts';

const key = objectKey('k');
const source = { etag: 'e', versionId: 'v', lastModifiedMs: 1_000 };

function uploads() {
  const controls = createMemoryControls();
  const clock = { ms: 0 };
  return { clock, controls, one: handedUploads(controls, 'one', key, () => clock.ms) };
}

it('an upload goes on for the source that it was begun for, in every detail', async () => {
  const { clock, one } = uploads();
  expect(await one.take(source, 60)).toEqual({ begin: true });
  expect(await one.leave('upload-1', source)).toBe('left');
  for (const other of [
    { ...source, etag: 'f' },
    { ...source, versionId: 'w' },
    { etag: 'e', lastModifiedMs: 1_000 },
    { ...source, lastModifiedMs: 2_000 },
    undefined,
  ]) {
    expect(await one.take(other, 60)).toEqual({ clear: 'upload-1' });
  }
  expect(await one.take(source, 60)).toEqual({ goOn: 'upload-1' });
  expect(await one.take(source, 60)).toEqual({ busyUntilMs: 60 });
  clock.ms = 60;
  expect(await one.take(source, 60)).toEqual({ goOn: 'upload-1' });
  expect(await one.leave('upload-1', source)).toBe('left');
  expect(await one.take(source, 60)).toEqual({ goOn: 'upload-1' });
});

it('of two uploads the one that was left first stays, until it is forgotten', async () => {
  const { one } = uploads();
  await one.leave('upload-1', source);
  expect(await one.leave('upload-2', source)).toBe('another');
  await one.forget('upload-2');
  expect(await one.take(source, 60)).toEqual({ goOn: 'upload-1' });
  await one.forget('upload-1');
  expect(await one.take(source, 60)).toEqual({ begin: true });
});

it('uploads of other keys and destinations are their own', async () => {
  const { controls, one } = uploads();
  await one.leave('upload-1', source);
  const others = [
    handedUploads(controls, 'two', key, () => 0),
    handedUploads(controls, 'one', objectKey('k '), () => 0),
  ];
  for (const other of others) expect(await other.take(source, 60)).toEqual({ begin: true });
});

it('an upload that was taken by a write whose answer was lost, and that was sent again, is still taken by its caller', async () => {
  const { controls } = uploads();
  const twice: typeof controls = {
    ...controls,
    async put(...args) {
      await controls.put(...args);
      return controls.put(...args);
    },
  };
  await handedUploads(controls, 'one', key, () => 0).leave('upload-1', source);
  expect(await handedUploads(twice, 'one', key, () => 0).take(source, 60)).toEqual({ goOn: 'upload-1' });
  expect(await handedUploads(controls, 'one', key, () => 0).take(source, 60)).toEqual({ busyUntilMs: 60 });
});

it('an upload that was taken, and nobody was told, keeps nobody away from it', async () => {
  const { controls } = uploads();
  let lost = 0;
  const silent: typeof controls = {
    ...controls,
    async put(...args) {
      const answer = await controls.put(...args);
      if (lost++ > 0) return answer;
      throw new SyncError('no answer', { op: 'put', key, retryable: true });
    },
  };
  await handedUploads(controls, 'one', key, () => 0).leave('upload-1', source);
  const one = handedUploads(silent, 'one', key, () => 0);
  await expect(one.take(source, 60)).rejects.toThrow('no answer');
  expect(await one.take(source, 60)).toEqual({ goOn: 'upload-1' });
});
