/** A start on a full disk: a real one, of 2 MiB, mounted where only a child process sees it. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { startMounted } from '../adapters/host/mounted.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILES = 300;
const SCRIPT = `
  const [root, directory, files] = process.argv.slice(1);
  const { openIndex } = await import(root + '/adapters/host/index-db.ts');
  const { createFolders } = await import(root + '/edge-agent/folders.ts');
  const { notingSent, sentUnconfirmed } = await import(root + '/edge-agent/unconfirmed.ts');
  const { storeSettings } = await import(root + '/test/edge-agent/store-settings.ts');
  const { mkdirSync, rmSync, writeFileSync } = await import('node:fs');

  process.env.AWS_ACCESS_KEY_ID = process.env.AWS_SECRET_ACCESS_KEY = 'test';
  mkdirSync(directory + '/out');
  const settings = storeSettings({
    store: { bucket: 'bucket', endpoint: 'http://127.0.0.1:9' },
    folders: [{ name: 'out', path: directory + '/out', prefix: 'out/', mode: 'mirror' }],
    stateDirectory: directory,
  });
  const [folder] = settings.folders;
  const path = (n) => Buffer.from('file-' + n);
  const open = () => openIndex(directory + '/index.db');

  const killed = open();
  const sent = { sizeBytes: 1, metadata: { mtime: '1.000000001', text: 'x'.repeat(500) } };
  const sending = (start) => (start(sent), new Promise(() => undefined));
  for (let n = 0; n < files; n++) void notingSent({ folder, index: killed }, path(n), sending);
  killed.close();

  const start = async () => {
    const errors = [];
    const log = { debug() {}, info() {}, warn() {}, error: (message) => errors.push(message) };
    const metrics = { done() {}, lag() {} };
    const shell = { agent: 'a', version: '0', startedMs: 0, log, metrics, bucketViews: () => [], onDamage() {} };
    const folders = await createFolders(settings, shell);
    folders.alive();
    try {
      await folders.close();
    } catch (error) {
      return { errors, ended: error.code };
    }
    return { errors, ended: 'all is known' };
  };
  const noted = () => {
    const index = open();
    const left = index.sending.left().length;
    const rows = index.unsettled('out').length;
    const sents = Array.from({ length: files }, (_, n) => sentUnconfirmed({ folder, index }, path(n)).length);
    index.close();
    return { left, rows, sents: sents.reduce((sum, one) => sum + one, 0) };
  };
  // What an index takes to be opened, and not what is to be noted.
  const ROOM_BYTES = 200 * 1024;
  const ballast = directory + '/ballast';
  const { bavail, bsize } = (await import('node:fs')).statfsSync(directory);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize - ROOM_BYTES));
  const full = await start();
  rmSync(ballast);
  console.log(JSON.stringify({ full, room: await start(), noted: noted() }));
`;

test('a start on a full disk says what it cannot note, and the next one notes all that was on its way', async () => {
  const directory = temporaryFolder();
  const result = JSON.parse(
    await startMounted(directory, '2m', SCRIPT, ROOT, directory, String(FILES)).line(),
  );
  expect(result.full.ended).toBe('IndexFull');
  expect(result.full.errors).toContainEqual(
    expect.stringContaining('what was on its way is not noted yet: '),
  );
  expect(result.room).toEqual({ errors: [], ended: 'all is known' });
  expect(result.noted).toEqual({ left: 0, rows: FILES, sents: FILES });
});
