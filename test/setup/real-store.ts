/** A real S3 server for the suites that otherwise run on the emulator; the emulator beside it is for CloudFront alone. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmulator } from '../../infra/local/emulator.ts';
import type { StoreServer } from './store-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    storeCredentials: { accessKeyId: string; secretAccessKey: string } | undefined;
    cdnEndpoint: string | undefined;
    storeLimits: StoreLimits | undefined;
  }
}

/** What a server cannot do that others do. */
interface StoreLimits {
  /** The only region that it has. */
  region?: string;
  /** It takes a wish for encryption, and ignores it. */
  encrypts?: false;
  /** Its listings name keys with control characters as others, because it does not encode them. */
  listsControls?: false;
}

interface RealStore {
  program(directory: string, onProgress: (line: string) => void): Promise<string>;
  start(
    program: string,
    runDir: string,
    credentials: { accessKeyId: string; secretAccessKey: string },
  ): Promise<StoreServer>;
  limits?: StoreLimits;
}

export async function setUpStore(
  project: TestProject,
  { program, start, limits }: RealStore,
): Promise<() => Promise<void>> {
  const projectDir = join(import.meta.dirname, '../..');
  const built = await program(join(projectDir, '.sluice'), (line) => process.stdout.write(`${line}\n`));
  const runDir = await mkdtemp(join(tmpdir(), 'sluice-store-'));
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const one of stops.toReversed()) await one();
    await rm(runDir, { recursive: true, force: true });
  };
  try {
    const storeCredentials = { accessKeyId: 'sluice', secretAccessKey: randomBytes(20).toString('hex') };
    const server = await start(built, runDir, storeCredentials);
    stops.push(server.stop);

    const localDir = join(projectDir, '.sluice/local');
    const emulator = await startEmulator({ projectDir, localDir, runDir: join(runDir, 'emulator'), port: 0 });
    stops.push(emulator.stop);
    project.provide('endpoint', server.endpoint);
    project.provide('storeCredentials', storeCredentials);
    project.provide('cdnEndpoint', emulator.endpoint);
    project.provide('storeLimits', limits);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}
