/** What a power cut may have left of a file does not replace the object that was made of it. Real files and their times. */
import {
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { statOf } from '#adapters/host/tree.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { fileMetadata, formatTime } from '#core/metadata.ts';
import { createFolderWork } from '../../edge-agent/folder-work.ts';
import { type MirrorContext, mirrorFile } from '../../edge-agent/mirror-file.ts';
import { moveFile } from '../../edge-agent/move-file.ts';
import { hostStart as realHostStart } from '../../edge-agent/older-file.ts';
import { notes, startedAt } from './host-starts.ts';
import { mirrorSetup } from './mirror-setup.ts';

const KEY = objectKey('out/f');
const PATH = Buffer.from('f');
const HOUR_MS = 3_600_000;
const FLOWS = [
  ['move', moveFile],
  ['mirror', mirrorFile],
] as const;

function setup(mode: string, content: string) {
  const { path, clock, store, context, powerCut } = mirrorSetup({ mode });
  const file = path('f');
  writeFileSync(file, content);
  powerCut();
  const put = (body: string, mtimeMs?: number) => {
    const mtime = mtimeMs === undefined ? {} : { mtime: formatTime(BigInt(mtimeMs) * 1_000_000n) };
    return store.put(KEY, Buffer.from(body), { metadata: mtime });
  };
  return { file, clock, store, context, put, mtimeMs: Math.ceil(statSync(file).mtimeMs) };
}

/** A file whose object is whole, and that a power cut has left empty, with a time from before. */
async function torn() {
  const setup = mirrorSetup();
  const file = setup.path('f');
  const contents = () => String(setup.store.contents(KEY));
  writeFileSync(file, 'content');
  await setup.mirror('f');
  const earlier = new Date(statSync(file).mtimeMs - 5);
  writeFileSync(file, '');
  utimesSync(file, earlier, earlier);
  setup.powerCut();
  return { ...setup, file, contents };
}

describe.each(FLOWS)('in mode %s', (mode, flow) => {
  it.each(['', 'con', '\0\0\0\0\0\0\0'])(
    'a file that a power cut left as %j does not replace its object',
    async (left) => {
      const { file, store, context, put, mtimeMs } = setup(mode, left);
      await put('content', mtimeMs);
      await expect(flow(context, PATH)).rejects.toMatchObject({
        code: 'OlderThanObject',
        retryable: false,
        message: expect.stringContaining('out/f'),
      });
      expect(String(store.contents(KEY))).toBe('content');
      expect(readFileSync(file, 'utf8')).toBe(left);
    },
  );

  it('goes by the time of the store where the object does not tell that of its file', async () => {
    const { clock, store, context, put } = setup(mode, 'con');
    clock.ms += HOUR_MS;
    await put('content');
    await expect(flow(context, PATH)).rejects.toMatchObject({ code: 'OlderThanObject' });
    expect(String(store.contents(KEY))).toBe('content');
  });

  it('goes by the time that the object tells where the store tells none', async () => {
    const { store, context, put, mtimeMs } = setup(mode, 'con');
    await put('content', mtimeMs);
    const head = async (key: ObjectKey) => {
      const object = await store.head(key);
      return object && { ...object, lastModifiedMs: Number.NaN };
    };
    const timeless = { ...context, store: { ...store, head } };
    await expect(flow(timeless, PATH)).rejects.toMatchObject({ code: 'OlderThanObject' });
  });

  it('holds back what was cut off before its writer set an older mtime', async () => {
    const { file, store, context } = setup(mode, 'con');
    const { mtimeNs, ctimeNs } = statOf(Buffer.from(file));
    const metadata = fileMetadata({ mtimeNs: mtimeNs - 1n, ctimeNs: ctimeNs + 1n });
    await store.put(KEY, Buffer.from('content'), { metadata });
    await expect(flow(context, PATH)).rejects.toMatchObject({ code: 'OlderThanObject' });
  });

  it('uploads an older file that somebody has renamed over the one of the object', async () => {
    const { file, store, context } = setup(mode, 'older');
    const { mtimeNs, ctimeNs } = statOf(Buffer.from(file));
    const metadata = fileMetadata({ mtimeNs: mtimeNs + 1n, ctimeNs: ctimeNs - 1n });
    await store.put(KEY, Buffer.from('content'), { metadata });
    context.hostStart = startedAt(Date.now() + HOUR_MS);
    await flow(context, PATH);
    expect(String(store.contents(KEY))).toBe('older');
  });

  it('uploads what was changed after its object was made', async () => {
    const { clock, store, context, put, mtimeMs } = setup(mode, 'newer');
    clock.ms -= HOUR_MS;
    await put('content', mtimeMs - HOUR_MS);
    await flow(context, PATH);
    expect(String(store.contents(KEY))).toBe('newer');
  });

  it('uploads what somebody has touched since the host started', async () => {
    const { file, store, context, put, mtimeMs } = setup(mode, 'con');
    await put('content', mtimeMs + HOUR_MS);
    const sinceMs = Date.now();
    context.hostStart = startedAt(sinceMs);
    await expect.poll(() => Date.now()).toBeGreaterThan(sinceMs + 20);
    utimesSync(file, 1, 1);
    await flow(context, PATH);
    expect(String(store.contents(KEY))).toBe('con');
  });

  it('takes a file for what it is when its object is the same', async () => {
    const { file, store, context, put, mtimeMs } = setup(mode, 'content');
    await put('content', mtimeMs);
    await flow(context, PATH);
    expect(String(store.contents(KEY))).toBe('content');
    expect(existsSync(file)).toBe(mode === 'mirror');
  });
});

describe.each<[string, (context: MirrorContext) => Promise<void>]>([
  ['looked at', (context) => mirrorFile(context, PATH).then(() => undefined, refused)],
  ['worked on by its folder', inWork],
])('a file that a power cut left, %s', (_how, look) => {
  it('is not its object’s any more: the object stays when the file is deleted, as the hint says', async () => {
    const { file, context, deletions, contents } = await torn();
    await look(context);
    rmSync(file);
    await look(context);
    await deletions.flush();
    expect(contents()).toBe('content');
  });

  it('takes the place of the object when somebody touches it, as the hint says', async () => {
    const { file, context, contents } = await torn();
    await look(context);
    expect(contents()).toBe('content');
    const sinceMs = Date.now();
    context.hostStart = startedAt(sinceMs);
    await expect.poll(() => Date.now()).toBeGreaterThan(sinceMs + 20);
    utimesSync(file, 1, 1);
    await look(context);
    expect(contents()).toBe('');
  });
});

it('an older file does not replace a newer object by a copy within the store either', async () => {
  const { path, store, mirror, deletions, powerCut } = mirrorSetup();
  const [file, backup] = [path('f'), path('f~')];
  writeFileSync(file, 'old');
  await mirror('f');
  linkSync(file, backup);
  await mirror('f~');
  writeFileSync(path('new'), 'new content');
  renameSync(path('new'), file);
  await mirror('f');
  // The power cut takes back that it was renamed.
  rmSync(file);
  linkSync(backup, file);
  powerCut();
  await expect(mirror('f')).rejects.toMatchObject({ code: 'OlderThanObject' });
  expect(String(store.contents(KEY))).toBe('new content');
  rmSync(file);
  await mirror('f');
  await deletions.flush();
  expect(String(store.contents(KEY))).toBe('new content');
});

it('a file that was linked after its upload does not replace its object with what a power cut left of it', async () => {
  const { path, store, context, mirror, row } = mirrorSetup();
  writeFileSync(path('f'), 'content');
  await mirror('f');
  const uploaded = row('f').ctimeNs;
  const sinceMs = Date.now();
  await expect.poll(() => Date.now()).toBeGreaterThan(sinceMs + 20);
  linkSync(path('f'), path('link'));
  expect(await mirror('f')).toEqual({ done: 'unchanged' });
  const { ctimeNs } = row('f');
  expect(ctimeNs).toBeGreaterThan(uploaded);
  // The link has reached the disk, and none of the bytes.
  writeFileSync(path('f'), '');
  context.hostStart = { ...startedAt(Date.now() + HOUR_MS), touchedNs: () => ctimeNs };
  await expect(mirror('f')).rejects.toMatchObject({ code: 'OlderThanObject' });
  expect(String(store.contents(KEY))).toBe('content');
});

it('what a power cut has left stays that when the agent removes another name of it', async () => {
  const { path, clock, store, context } = mirrorSetup({ mode: 'move' });
  writeFileSync(path('f'), 'con');
  linkSync(path('f'), path('g'));
  clock.ms += HOUR_MS;
  await store.put(KEY, Buffer.from('content'), { metadata: {} });
  const sinceMs = Date.now() + 20;
  context.hostStart = startedAt(sinceMs);
  await expect.poll(() => Date.now()).toBeGreaterThan(sinceMs);
  await expect(moveFile(context, Buffer.from('g'))).resolves.toEqual({ done: 'moved' });
  await expect(moveFile(context, PATH)).rejects.toMatchObject({ code: 'OlderThanObject' });
  expect(String(store.contents(KEY))).toBe('content');
});

describe('a start of the host', () => {
  const at = (ms: number, ino = 1n) => ({ ino, mtimeNs: 1n, ctimeNs: BigInt(ms) * 1_000_000n });
  const hostStart = (index: Parameters<typeof realHostStart>[0], nowMs: number) =>
    realHostStart(index, nowMs, () => 0);

  it('is no other one where the index knows of none, and stays the same for the agents after that', () => {
    const index = notes();
    const first = hostStart(index, 5);
    expect(first.touched(at(4))).toBe(true);
    first.note();
    expect(hostStart(index, 7).touched(at(4))).toBe(true);
  });

  it('is another one when its id is, from the moment on that an agent sees it', () => {
    const index = notes(['boot', 'an-earlier-one 0']);
    const start = hostStart(index, 5);
    expect([start.touched(at(4)), start.touched(at(5))]).toEqual([false, true]);
    expect(hostStart(index, 6).touched(at(5))).toBe(false);
    start.note();
    expect(hostStart(index, 7).touched(at(5))).toBe(true);
  });

  it('is not when the agent put a file back, nor for the agents after that', () => {
    const index = notes(['boot', 'an-earlier-one 0']);
    const start = hostStart(index, 5);
    start.touching(at(6, 1n));
    start.touching(at(6, 2n));
    for (const one of [start, hostStart(index, 7)]) {
      expect([1n, 2n, 3n].map((ino) => one.touched(at(6, ino)))).toEqual([false, false, true]);
    }
  });

  it('leaves a file that was put back as old as it was, whatever starts again after it', () => {
    const index = notes();
    hostStart(index, 3).touching(at(6));
    for (const boot of ['an-earlier-one', 'another', 'a-third']) {
      index.setNote('boot', String(index.note('boot')).replace(/^\S+/, boot));
      const start = hostStart(index, 9);
      start.note();
      expect(start.touched(at(6))).toBe(false);
      expect([start.touchedNs(at(6)), start.touchedNs(at(6, 2n))]).toEqual([1n, 6_000_000n]);
    }
  });

  it('is another file where an inode is used again', () => {
    const start = hostStart(notes(['boot', 'an-earlier-one 0']), 5);
    start.touching(at(6));
    expect(start.touched({ ...at(6), mtimeNs: 2n })).toBe(true);
  });

  it('is when it was by a clock that somebody has set meanwhile', () => {
    const start = realHostStart(notes(['boot', 'an-earlier-one 0']), 5, () => 100);
    expect([start.touched(at(50)), start.touched(at(100))]).toEqual([false, true]);
  });

  it('does not count a file as put back that could not be noted', () => {
    const index = notes(['boot', 'an-earlier-one 0']);
    const start = hostStart({ ...index, setNote: refuse }, 5);
    expect(() => start.touching(at(6, 1n))).toThrow('full');
    expect(start.touched(at(6))).toBe(true);
    expect(() => start.touching(at(6, 1n))).toThrow('full');
  });
});

function refuse(): never {
  throw new Error('full');
}

function refused(error: unknown): void {
  expect(error).toMatchObject({ code: 'OlderThanObject' });
}

async function inWork(context: MirrorContext): Promise<void> {
  const work = createFolderWork(context, (path) => mirrorFile(context, path));
  work.mark(PATH);
  await work.idle();
  await work.stop();
}
