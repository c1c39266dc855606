import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ScannedFile, type ScanResult, scanTree } from '#adapters/host/scan.ts';
import { HIDDEN_DIRECTORY, statOf } from '#adapters/host/tree.ts';
import { startChild, temporaryFolder } from './folder.ts';

async function scanned(root: string): Promise<{ files: ScannedFile[]; result: ScanResult }> {
  const files: ScannedFile[] = [];
  const result = await scanTree(Buffer.from(root), (batch) => {
    files.push(...batch);
  });
  return { files, result };
}

test('every regular file is found with its state, and the bytes of names that are not UTF-8', async () => {
  const root = temporaryFolder();
  const odd = Buffer.concat([Buffer.from(`${root}/d/`), Buffer.from([0xff, 0x41, 0xc3])]);
  mkdirSync(join(root, 'd/e'), { recursive: true });
  writeFileSync(odd, 'odd');
  writeFileSync(join(root, 'd/e/file'), 'content');
  linkSync(join(root, 'd/e/file'), join(root, 'linked'));
  const { files, result } = await scanned(root);
  const byPath = new Map(files.map(({ path, state }) => [path.toString('latin1'), state]));
  expect([...byPath.keys()].sort()).toEqual(['d/e/file', 'd/\xffA\xc3', 'linked']);
  expect(byPath.get('d/\xffA\xc3')).toEqual(statOf(odd));
  expect(byPath.get('d/e/file')).toEqual(statOf(Buffer.from(join(root, 'd/e/file'))));
  expect(result).toEqual({ files: 3, directories: 3, skipped: [], errors: [], emptyDirectories: [] });
});

test('what is no file is told, symlinks are not followed, and only the root hides its hidden directory', async () => {
  const root = temporaryFolder();
  for (const path of [HIDDEN_DIRECTORY, `sub/${HIDDEN_DIRECTORY}`, 'empty']) {
    mkdirSync(join(root, path), { recursive: true });
  }
  writeFileSync(join(root, HIDDEN_DIRECTORY, 'hidden'), '');
  writeFileSync(join(root, 'sub', HIDDEN_DIRECTORY, 'seen'), '');
  symlinkSync('sub', join(root, 'symlink'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  const { files, result } = await scanned(root);
  expect(files.map(({ path }) => path.toString())).toEqual([`sub/${HIDDEN_DIRECTORY}/seen`]);
  expect(result.skipped.map(({ path, reason }) => `${path} ${reason}`).sort()).toEqual([
    'fifo fifo',
    'symlink symlink',
  ]);
  expect(result.emptyDirectories.map(String)).toEqual(['empty']);
});

test('a slow taker gets every batch, one at a time', async () => {
  const root = temporaryFolder();
  for (let n = 0; n < 12_345; n++) writeFileSync(join(root, `${n}`), '');
  const names = new Set<string>();
  let busy = false;
  const result = await scanTree(Buffer.from(root), async (batch) => {
    expect(busy).toBe(false);
    busy = true;
    await new Promise((resolve) => setImmediate(resolve));
    for (const { path } of batch) names.add(path.toString());
    busy = false;
  });
  expect([result.files, names.size]).toEqual([12_345, 12_345]);
});

test('a taker that fails ends the scan with its error', async () => {
  const root = temporaryFolder();
  writeFileSync(join(root, 'file'), '');
  const failing = scanTree(Buffer.from(root), () => {
    throw new Error('no more');
  });
  await expect(failing).rejects.toThrow('no more');
});

test('a directory that cannot be read is an error, never an empty directory', async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'secret'));
  writeFileSync(join(root, 'secret/file'), '');
  writeFileSync(join(root, 'file'), '');
  execFileSync('chmod', ['755', root]);
  execFileSync('chmod', ['000', join(root, 'secret')]);
  // Root may read everything, so a process of nobody scans.
  const nobody = startChild(
    `if (process.getuid() === 0) process.setuid(65534);
     import(process.argv[1]).then(async ({ scanTree }) => {
       const result = await scanTree(Buffer.from(process.argv[2]), () => {});
       const errors = result.errors.map(({ path, code }) => path + ' ' + code);
       console.log(JSON.stringify({ ...result, errors }));
     });`,
    new URL('../../../adapters/host/scan.ts', import.meta.url).href,
    root,
  );
  expect(JSON.parse(await nobody.line())).toEqual({
    files: 1,
    directories: 1,
    skipped: [],
    errors: ['secret EACCES'],
    emptyDirectories: [],
  });
});

test('a root that is missing is an error', async () => {
  const { result } = await scanned(join(temporaryFolder(), 'none'));
  expect(result.errors).toEqual([{ path: Buffer.alloc(0), code: 'ENOENT' }]);
});
