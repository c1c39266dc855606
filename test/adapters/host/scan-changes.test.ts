/** The comparison of a folder with its rows, against a naive model over the same folder. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import { type ScanResult, scanChanges } from '#adapters/host/scan.ts';
import { HIDDEN_DIRECTORY, statOf } from '#adapters/host/tree.ts';
import { startChild, temporaryFolder } from './folder.ts';
import { rowOf } from './index-rows.ts';

/** What is made of one path: of its file, and of its row. */
type Making = 'same' | 'new' | 'gone' | 'changed' | 'waiting';

async function compared(
  root: string,
  rows: readonly { path: Buffer; making: Making }[],
  trusted = true,
): Promise<{ told: Buffer[]; result: ScanResult }> {
  const indexFile = join(temporaryFolder(), 'index.db');
  const index = openIndex(indexFile);
  for (const { path, making } of rows) {
    if (making === 'new') continue;
    const known = making === 'gone' ? {} : statOf(Buffer.concat([Buffer.from(`${root}/`), path]));
    const state = making === 'waiting' ? 'waiting' : 'synced';
    const row = rowOf(path, { ...known, state });
    index.put(making === 'changed' ? { ...row, mtimeNs: row.mtimeNs + 1n } : row);
    index.put({ ...row, folder: 'other' });
  }
  index.flush();
  const told: Buffer[] = [];
  const { signal } = new AbortController();
  const wanted = { indexFile, folder: 'out', trusted };
  const result = await scanChanges(Buffer.from(root), wanted, (paths) => void told.push(...paths), signal);
  index.close();
  return { told, result };
}

const latin1 = (paths: readonly Buffer[]) => paths.map((path) => path.toString('latin1'));

/** Bytes that sort just before and after the slash, and some that are not UTF-8. */
const name = fc
  .array(fc.constantFrom(0x61, 0x62, 0x2e, 0x2d, 0x30, 0x01, 0x7f, 0xc3, 0xff), {
    minLength: 1,
    maxLength: 3,
  })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))
  .filter((text) => text !== '.' && text !== '..');
const place = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
const making = fc.constantFrom<Making>('same', 'new', 'gone', 'changed', 'waiting');

test('exactly the files that differ from their rows, and the rows without a file, are told in order', async () => {
  const base = temporaryFolder();
  const folders = fc.dictionary(place, making, { maxKeys: 25 });
  const property = fc.asyncProperty(folders, fc.boolean(), async (wanted, trusted) => {
    const root = mkdtempSync(join(base, 'tree-'));
    const made: { path: Buffer; making: Making }[] = [];
    for (const [path, what] of Object.entries(wanted)) {
      if (what === 'gone' || make(root, path)) made.push({ path: Buffer.from(path, 'latin1'), making: what });
    }
    const present = new Set(latin1(made.filter((one) => one.making !== 'gone').map(({ path }) => path)));
    // A row may name what is a directory, or lies below a file: its file is gone all the same.
    const expected = made.filter((one) => one.making !== 'same' || !trusted).map(({ path }) => path);
    const { told, result } = await compared(root, made, trusted);
    expect(latin1(told)).toEqual(latin1(expected.toSorted(Buffer.compare)));
    expect([result.files, result.errors]).toEqual([present.size, []]);
    rmSync(root, { recursive: true });
  });
  await fc.assert(property, { numRuns: 25 });
});

/** False where another file is in the way. */
function make(root: string, path: string): boolean {
  const file = Buffer.from(`${root}/${path}`, 'latin1');
  try {
    mkdirSync(file.subarray(0, file.lastIndexOf('/')), { recursive: true });
    writeFileSync(file, path);
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    if (!['EEXIST', 'ENOTDIR', 'EISDIR'].includes(String(error.code))) throw error;
    return false;
  }
}

test('a change of any part of the state is told', async () => {
  const root = temporaryFolder();
  writeFileSync(join(root, 'f'), 'content');
  const state = statOf(Buffer.from(join(root, 'f')));
  const changes = [
    { dev: state.dev ^ (1n << 40n) },
    { ino: state.ino + (1n << 33n) },
    { sizeBytes: state.sizeBytes + 2 ** 32 },
    { mtimeNs: state.mtimeNs + 1n },
    { mtimeNs: state.mtimeNs + 2n ** 32n * 1_000_000_000n },
    { ctimeNs: state.ctimeNs - 1n },
  ];
  for (const change of [{}, ...changes]) {
    const indexFile = join(temporaryFolder(), 'index.db');
    const index = openIndex(indexFile);
    index.put(rowOf('f', { ...state, ...change }));
    index.flush();
    const told: Buffer[] = [];
    const rows = { indexFile, folder: 'out', trusted: true };
    const { signal } = new AbortController();
    await scanChanges(Buffer.from(root), rows, (paths) => void told.push(...paths), signal);
    expect([change, told.map(String)]).toEqual([change, Object.keys(change).length === 0 ? [] : ['f']]);
    index.close();
  }
});

test('more rows than a page of them, and a directory of many files, are compared to the last', async () => {
  const root = temporaryFolder();
  const rows: { path: Buffer; making: Making }[] = [];
  for (let n = 0; n < 3_500; n++) {
    writeFileSync(join(root, `${n}`), '');
    rows.push({ path: Buffer.from(`${n}`), making: n % 1_000 === 999 ? 'changed' : 'same' });
  }
  rows.push({ path: Buffer.from('999999'), making: 'gone' });
  const { told } = await compared(root, rows);
  expect(told.map(String)).toEqual(['1999', '2999', '999', '999999']);
});

test('what is no file is skipped, not told, and the hidden directory is left out', async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, HIDDEN_DIRECTORY));
  writeFileSync(join(root, HIDDEN_DIRECTORY, 'own'), '');
  symlinkSync('anywhere', join(root, 'link'));
  const { told, result } = await compared(root, []);
  expect([told, result.files]).toEqual([[], 0]);
  expect(result.skipped).toEqual([{ path: Buffer.from('link'), reason: 'symlink' }]);
});

test('nothing is told of what lies in a directory that cannot be read', async () => {
  const root = temporaryFolder();
  const indexFile = join(temporaryFolder(), 'index.db');
  const index = openIndex(indexFile);
  for (const path of ['secret', 'secret/a', 'secret/b/c', 'secret.txt', 'secreu']) index.put(rowOf(path));
  index.close();
  mkdirSync(join(root, 'secret'), { mode: 0 });
  // Root may read everything, so a process of nobody scans.
  const nobody = startChild(
    `const [, scan, root, indexFile] = process.argv;
     if (process.getuid() === 0) {
       fs.chmodSync(root, 0o755);
       for (const one of [indexFile, require('node:path').dirname(indexFile)]) fs.chownSync(one, 65534, 65534);
       process.setuid(65534);
     }
     import(scan).then(async ({ scanChanges }) => {
       const told = [];
       const rows = { indexFile, folder: 'out', trusted: true };
       const take = (paths) => void told.push(...paths.map(String));
       const { errors } = await scanChanges(Buffer.from(root), rows, take, new AbortController().signal);
       console.log(JSON.stringify({ told, errors: errors.map(({ path, code }) => path + ' ' + code) }));
     });`,
    new URL('../../../adapters/host/scan.ts', import.meta.url).href,
    root,
    indexFile,
  );
  expect(JSON.parse(await nobody.line())).toEqual({
    told: ['secret', 'secret.txt', 'secreu'],
    errors: ['secret EACCES'],
  });
});

test('without its root nothing is told to be gone', async () => {
  const root = join(temporaryFolder(), 'none');
  const { told, result } = await compared(root, [{ path: Buffer.from('f'), making: 'gone' }]);
  expect([told, result.errors]).toEqual([[], [{ path: Buffer.alloc(0), code: 'ENOENT' }]]);
});

test('a taker without room stops the walk, and the scan ends when it is told to', async () => {
  const root = temporaryFolder();
  const indexFile = join(temporaryFolder(), 'index.db');
  openIndex(indexFile).close();
  for (let n = 0; n < 12_345; n++) writeFileSync(join(root, `${n}`), '');
  const stopping = new AbortController();
  let told = 0;
  const full = (paths: Buffer[]) => {
    told += paths.length;
    stopping.abort(new Error('stopped'));
    return new Promise<void>(() => {});
  };
  const rows = { indexFile, folder: 'out', trusted: true };
  await expect(scanChanges(Buffer.from(root), rows, full, stopping.signal)).rejects.toThrow('stopped');
  expect(told).toBe(1000);
});
