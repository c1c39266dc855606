/** Versity's S3 gateway on a directory: built through Go, once, into the project's ignored folder. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { goProgram } from './go-program.ts';
import { type StoreServer, startStoreServer } from './store-server.ts';

/** The path of the program. Throws `SyncError` that says what to install when it cannot be built. */
export function versityProgram(directory: string, onProgress: (line: string) => void): Promise<string> {
  const versity = {
    title: 'Versity S3 Gateway',
    name: 'versitygw',
    version: 'v1.8.0',
    source: { module: 'github.com/versity/versitygw/cmd/versitygw' },
  };
  return goProgram(directory, versity, onProgress);
}

/** Resolves when it answers. The directory's filesystem must have extended attributes. */
export async function startVersity(
  program: string,
  runDir: string,
  credentials: { accessKeyId: string; secretAccessKey: string },
): Promise<StoreServer> {
  const [data, versions] = [join(runDir, 'data'), join(runDir, 'versions')];
  for (const directory of [data, versions]) await mkdir(directory);
  return startStoreServer({
    title: 'Versity S3 Gateway',
    program,
    args: (address) => [
      ...['--port', address, '--health', '/health', '--keep-alive', '--quiet'],
      ...['posix', '--versioning-dir', versions, data],
    ],
    environment: {
      ROOT_ACCESS_KEY_ID: credentials.accessKeyId,
      ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    directory: runDir,
    logFile: join(runDir, 'versity.log'),
    healthPath: '/health',
    healthy: (status) => status < 300,
  });
}
