/** MinIO publishes no more binaries: it is built through Go, once, into the project's ignored folder. */
import { goProgram } from './go-program.ts';

/** The path of the program. Throws `SyncError` that says what to install when it cannot be built. */
export function minioProgram(directory: string, onProgress: (line: string) => void): Promise<string> {
  const minio = {
    title: 'MinIO',
    name: 'minio',
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    source: { module: 'github.com/minio/minio' },
    alternative: 'run npm test, which uses the emulator and needs none',
  };
  return goProgram(directory, minio, onProgress);
}
