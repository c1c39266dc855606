import { readdirSync, readlinkSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { openFanotifySession } from '#adapters/host/watch-fanotify.ts';
import { temporaryFolder } from './folder.ts';
import { mayUseFanotify } from './watched.ts';

// The moment between the mark of the folder and the look at what is mounted in it cannot be hit from outside.
vi.mock('#adapters/host/watch-mounts.ts', () => ({
  openMountTable() {
    throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  },
}));

test.runIf(mayUseFanotify())('a session that cannot be opened whole leaves no mark behind', () => {
  const root = Buffer.from(temporaryFolder());
  const told = () => expect.unreachable();
  const events = {
    onDirty: told,
    onGone: told,
    onProblem: told,
    onLost: told,
    onMany: told,
    onIdle: told,
    check: told,
  };
  expect(() => openFanotifySession(root, { kind: 'fanotify', gone: true, pollMs: 1000 }, events)).toThrow(
    'EMFILE',
  );
  expect(readdirSync('/proc/self/fd').filter(isFanotify)).toEqual([]);
});

/** The directory's own descriptor is gone by the time its link is read. */
function isFanotify(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).includes('fanotify');
  } catch {
    return false;
  }
}
