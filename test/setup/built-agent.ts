/** The agent as `npm run build` makes it: what is installed on a host. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PROJECT = join(import.meta.dirname, '../..');

/**
 * Always built anew, by the sources that this file lies beside.
 *
 * @returns the path of the executable, below the directory
 */
export async function builtAgent(directory: string): Promise<string> {
  await run(process.execPath, [join(PROJECT, 'edge-agent/packaging/build.ts'), '--out', directory]);
  return join(directory, `sluice-agent-linux-${process.arch}`);
}
