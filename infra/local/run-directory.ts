/**
 * The emulator saves its tables and stacks when it ends in order, and objects as they come. A run that was cut off
 * before the first saving leaves objects without the stack that knows them; a second run at once would mix with the
 * first. Both are told apart here, and nothing is deleted.
 */
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError } from '#core/errors.ts';

/** What agents know of a store goes with it: it is not true of an empty one. */
const KEPT = ['state', 's3', 'agents'] as const;

/**
 * Takes the directory for this process. Throws when a living process has it.
 * @param fresh put the kept state aside and begin with nothing.
 * @returns what gives the directory back; call it once the emulator has ended in order.
 */
export async function claimRunDirectory(
  runDir: string,
  { fresh, onProgress }: { fresh: boolean; onProgress: (line: string) => void },
): Promise<() => Promise<void>> {
  await mkdir(runDir, { recursive: true });
  const marker = join(runDir, 'running.pid');
  const last = await readFile(marker, 'utf8').catch(absent);
  const pid = Number(last);
  if (last !== undefined && pid !== process.pid && (await isOurs(pid))) {
    throw new SyncError(`another start (process ${pid}) is using ${runDir}`, {
      op: 'start',
      retryable: false,
      hint: 'End that one first.',
    });
  }
  const unsaved = last !== undefined && (await stat(join(runDir, 'state')).catch(absent)) === undefined;
  if (fresh || unsaved) await putAside(runDir, unsaved ? 'the last run was cut off' : 'as asked', onProgress);
  await writeFile(marker, String(process.pid));
  return () => rm(marker, { force: true });
}

async function putAside(runDir: string, why: string, onProgress: (line: string) => void): Promise<void> {
  const aside = join(runDir, `aside-${new Date().toISOString().replaceAll(':', '-')}`);
  let moved = false;
  for (const name of KEPT) {
    if ((await stat(join(runDir, name)).catch(absent)) === undefined) continue;
    await mkdir(aside, { recursive: true });
    await rename(join(runDir, name), join(aside, name));
    moved = true;
  }
  if (moved) onProgress(`starting empty, ${why}; what was stored is in ${aside}`);
}

/** A process id is reused sooner or later: only one that runs this program counts. */
async function isOurs(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(absent);
  return /\b(?:start|demo)\.ts\b/.test(command ?? '');
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
  throw error;
}
