/** Writes into the folder of an agent that removes directories as they become empty, also one that was made just now. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export async function dropFile(path: string, bytes: Uint8Array | string): Promise<void> {
  for (;;) {
    await mkdir(dirname(path), { recursive: true });
    try {
      return await writeFile(path, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
