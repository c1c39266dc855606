/** A MinIO; for the project `versity` a server that is none: what holds on both is S3 rather than one server's habit. */
import type { TestProject } from 'vitest/node';
import { minioProgram } from './minio-build.ts';
import { startMinio } from './minio-server.ts';
import { setUpStore } from './real-store.ts';
import { startVersity, versityProgram } from './versity-server.ts';

const MINIO = { program: minioProgram, start: startMinio };
const VERSITY = {
  program: versityProgram,
  start: startVersity,
  limits: { region: 'us-east-1', encrypts: false, listsControls: false },
} as const;

export default function setup(project: TestProject): Promise<() => Promise<void>> {
  return setUpStore(project, project.name === 'versity' ? VERSITY : MINIO);
}
