/** What the flows of one file need, around the parts that a test is about. */
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createLog } from '../../edge-agent/log.ts';
import { hostStart } from '../../edge-agent/older-file.ts';
import type { FileContext } from '../../edge-agent/settled-file.ts';

type Given = Pick<FileContext, 'settings' | 'store' | 'index' | 'leases'>;

/** @param root with an open descriptor, which stays the caller's */
export function fileContext(root: { path: string; fd: number }, given: Given): FileContext {
  const [folder] = given.settings.folders;
  if (folder === undefined) throw new Error('the settings have no folder');
  return {
    ...given,
    agent: 'test',
    folder,
    root: { path: Buffer.from(root.path), fd: root.fd },
    log: createLog({ level: 'ERROR', format: 'readable' }),
    metrics: { done: () => undefined, lag: () => undefined },
    hostStart: hostStart(given.index, 0),
    parts: createByteBudget(4 * given.settings.limits.partBytes),
    capabilities: () => undefined,
    onCompared: () => undefined,
    onChanged: () => undefined,
    stopping: new AbortController().signal,
    withoutLease: () => undefined,
  };
}
