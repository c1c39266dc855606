import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openFile, readRange, readWhole, sameState, statOf } from '#adapters/host/tree.ts';
import { startChild, temporaryFolder } from './folder.ts';

/** Opens through the directory that the file is in. */
function open(path: string) {
  const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return openFile({ path: Buffer.from(dirname(path)), fd }, Buffer.from(basename(path)), false);
  } finally {
    closeSync(fd);
  }
}

function opened(path: string) {
  const file = open(path);
  if ('skipped' in file) throw new Error(`skipped: ${file.skipped}`);
  onTestFinished(() => closeSync(file.fd));
  return file;
}

test('what is no regular file is skipped with its kind', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'directory'));
  symlinkSync('directory', join(folder, 'symlink'));
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const server = startChild(
    `require('node:net').createServer().listen(process.argv[1], () => console.log('listening'));`,
    join(folder, 'socket'),
  );
  await server.line();
  writeFileSync(join(folder, 'file'), '');
  for (const kind of ['directory', 'symlink', 'fifo', 'socket']) {
    expect(open(join(folder, kind))).toEqual({ skipped: kind });
  }
  expect(open('/dev/null')).toEqual({ skipped: 'device' });
  expect(open(join(folder, 'none'))).toEqual({ skipped: 'vanished' });
  const fd = openSync(folder, constants.O_RDONLY);
  const below = openFile({ path: Buffer.from(folder), fd }, Buffer.from('file/below'), false);
  closeSync(fd);
  expect(below).toEqual({ skipped: 'vanished' });
});

test('a file that may not be read is an error that names it', async () => {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  const file = join(folder, 'secret');
  writeFileSync(file, 'x');
  chmodSync(file, 0);
  // Root may read everything, so a process of nobody tries.
  const nobody = startChild(
    `if (process.getuid() === 0) process.setuid(65534);
     import(process.argv[1]).then(({ openFile }) => {
       const fd = require('node:fs').openSync(process.argv[2], 'r');
       const root = { path: Buffer.from(process.argv[2]), fd };
       try { console.log(JSON.stringify(openFile(root, Buffer.from('secret'), false))); }
       catch (error) { console.log(JSON.stringify({ name: error.name, code: error.code, key: error.key })); }
     });`,
    new URL('../../../adapters/host/tree.ts', import.meta.url).href,
    folder,
  );
  expect(JSON.parse(await nobody.line())).toEqual({ name: 'SyncError', code: 'EACCES', key: file });
});

test('exactly the asked bytes are read, and a file that has become shorter is told', async () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '0123456789');
  const { fd, state } = opened(file);
  appendFileSync(file, 'more');
  expect((await readWhole(fd, state.sizeBytes)).toString()).toBe('0123456789');
  expect((await readRange(fd, 3, 4)).toString()).toBe('3456');
  truncateSync(file, 4);
  await expect(readWhole(fd, state.sizeBytes)).rejects.toMatchObject({ code: 'Changed', retryable: true });
});

test('a state tells of every touch, even one that puts the old mtime back', () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, 'abc');
  const { fd, state } = opened(file);
  expect(sameState(state, statOf(fd))).toBe(true);
  expect(sameState(state, statOf(Buffer.from(file)))).toBe(true);
  const mtimeSec = Number(state.mtimeNs) / 1e9;
  writeFileSync(file, 'xyz');
  utimesSync(file, mtimeSec, mtimeSec);
  expect(sameState(state, statOf(fd))).toBe(false);
});
