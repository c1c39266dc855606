/** A watcher whose events a test can wait for. */
import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import type { WatchOptions } from '#adapters/host/watch-session.ts';
import { type Watcher, watchTree } from '#adapters/host/watcher.ts';
import { temporaryFolder } from './folder.ts';

export interface Watched {
  watcher: Watcher;
  root: string;
  /** Paths in latin1. */
  dirty: Set<string>;
  gone: Set<string>;
  rescans: string[];
  problems: string[];
  /** Resolves as soon as the condition holds after some event. */
  until(condition: () => boolean): Promise<void>;
}

const POLL_MS = 20;

export async function watched(
  kind: WatchOptions['kind'],
  root = temporaryFolder(),
  options: Partial<WatchOptions> = {},
): Promise<Watched> {
  const dirty = new Set<string>();
  const gone = new Set<string>();
  const rescans: string[] = [];
  const problems: string[] = [];
  const waiting = new Set<() => void>();
  const noting =
    <T>(note: (value: T) => void) =>
    (value: T) => {
      note(value);
      for (const check of waiting) check();
    };
  const watcher = await watchTree(
    Buffer.from(root),
    { kind, pollMs: POLL_MS, gone: true, ...options },
    {
      onDirty: noting((path) => dirty.add(path.toString('latin1'))),
      onGone: noting((path) => gone.add(path.toString('latin1'))),
      onRescan: noting((reason) => rescans.push(reason)),
      onProblem: noting((error) => problems.push(error.message)),
    },
  );
  onTestFinished(() => watcher.close());
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!condition()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { watcher, root, dirty, gone, rescans, problems, until };
}

/** Whether the path, or a directory above it, was told to be gone. */
export function isGone({ gone }: Watched, path: string): boolean {
  const names = path.split('/');
  return names.some((_, index) => gone.has(names.slice(0, index + 1).join('/')));
}

/** https://man7.org/linux/man-pages/man7/capabilities.7.html and linux/capability.h */
export function mayUseFanotify(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const has = (capability: number) => ((BigInt(`0x${effective}`) >> BigInt(capability)) & 1n) === 1n;
  const CAP_DAC_READ_SEARCH = 2;
  const CAP_SYS_ADMIN = 21;
  return has(CAP_DAC_READ_SEARCH) && has(CAP_SYS_ADMIN);
}
