import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runtimeFiles } from '../../edge-agent/packaging/runtime-files.ts';
import { stripSymbols } from '../../edge-agent/packaging/strip-symbols.ts';

const OTHER = process.arch === 'x64' ? 'arm64' : 'x64';
const koffi = `node_modules/@koromix/koffi-linux-${OTHER}`;
const projectDir = join(import.meta.dirname, '../..');
const lock = JSON.parse(readFileSync(join(projectDir, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { version: string; integrity: string }>;
};
const locked = { [koffi]: lock.packages[koffi], 'node_modules/node': lock.packages['node_modules/node'] };

/** A project of which there is only the lock file. */
function projectWith(packages: Record<string, { version?: string; integrity?: string } | undefined>): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-runtime-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages }));
  return directory;
}

/** The registry may take minutes over what npm does not have in its cache. */
const FETCHED = { timeout: 400_000 };

it(
  "refuses another architecture's package whose content is not what the lock file says",
  FETCHED,
  async () => {
    const integrity = `sha512-${Buffer.alloc(64).toString('base64')}`;
    const project = projectWith({ ...locked, [koffi]: { ...locked[koffi], integrity } });
    await expect(runtimeFiles(project, OTHER)).rejects.toThrow('is not the package that was meant');
    expect(readdirSync(join(project, 'dist/packages'))).toEqual([expect.stringMatching(/\.tgz$/)]);
  },
);

it('refuses a Node version whose digest nobody has written down', FETCHED, async () => {
  const project = projectWith({ ...locked, 'node_modules/node': { version: '99.0.0' } });
  await expect(runtimeFiles(project, OTHER)).rejects.toThrow(
    `node-linux-${OTHER}@99.0.0: its digest is not known`,
  );
});

it('knows the digest of the Node version that is installed', () => {
  const source = readFileSync(join(projectDir, 'edge-agent/packaging/runtime-files.ts'), 'utf8');
  for (const arch of ['x64', 'arm64']) {
    expect(source).toContain(`'node-linux-${arch}@${lock.packages['node_modules/node']?.version}'`);
  }
});

it('strips an executable of everything behind its last mapped byte, and nothing else than an executable', () => {
  const elf = Buffer.alloc(64 + 2 * 56 + 100, 7);
  elf.write('\x7fELF\x02\x01', 'latin1');
  elf.writeBigUInt64LE(64n, 32);
  elf.writeBigUInt64LE(200n, 40);
  elf.writeUInt16LE(2, 56);
  for (const [index, [type, offset, bytes]] of [
    [1, 0, 180],
    [4, 190, 30],
  ].entries()) {
    elf.writeUInt32LE(type ?? 0, 64 + index * 56);
    elf.writeBigUInt64LE(BigInt(offset ?? 0), 64 + index * 56 + 8);
    elf.writeBigUInt64LE(BigInt(bytes ?? 0), 64 + index * 56 + 32);
  }
  const stripped = stripSymbols(elf);
  expect(stripped).toHaveLength(180);
  expect(stripped.subarray(64)).toEqual(elf.subarray(64, 180));
  expect([stripped.readBigUInt64LE(40), stripped.readUInt16LE(60), stripped.readUInt16LE(62)]).toEqual([
    0n,
    0,
    0,
  ]);
  expect(() => stripSymbols(Buffer.from('#!/bin/sh\nexit 0\n'))).toThrow('not a 64-bit little-endian ELF');
});
