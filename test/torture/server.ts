/** The S3 server that everything runs against: a MinIO of this run alone. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { minioProgram } from '../setup/minio-build.ts';
import { startMinio } from '../setup/minio-server.ts';
import { type Hub, hubAt } from './hub.ts';

const PROJECT = join(import.meta.dirname, '../..');

export async function startServer(
  directory: string,
  cleanup: AsyncDisposableStack,
  print: (line: string) => void,
): Promise<Hub> {
  const program = await minioProgram(join(PROJECT, '.sluice'), print);
  const runDirectory = join(directory, 'minio');
  mkdirSync(runDirectory);
  const credentials = { accessKeyId: 'sluice', secretAccessKey: randomBytes(20).toString('hex') };
  const minio = await startMinio(program, runDirectory, credentials);
  cleanup.defer(minio.stop);
  const hub = hubAt(minio.endpoint, credentials);
  cleanup.defer(hub.close);
  return hub;
}
