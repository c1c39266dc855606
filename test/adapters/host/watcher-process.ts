/** A watcher in a process with namespaces of its own: what is mounted or limited there is so for nobody else. */
import { fileURLToPath } from 'node:url';
import { startCommand } from './folder.ts';

export interface WatcherProcess {
  /** All events so far, such as `['dirty', 'a/b']`. */
  told: string[][];
  /** Runs a shell command there; answers kind and watch count after it. */
  run(command: string): Promise<string[]>;
  /** Reads on until an event begins with these words, and forgets it. */
  until(words: string[]): Promise<string[]>;
}

const CHILD = fileURLToPath(new URL('./watcher-child.ts', import.meta.url));

/**
 * Prepares with a shell command, then watches; rejects with message and hint when it cannot. Only outside of a user
 * namespace may fanotify be used; everywhere else one makes the tests independent of who runs them.
 */
export async function startWatcher(
  kind: string,
  root: string,
  prepare: string,
  namespaces = kind === 'fanotify' ? '-m' : '-Urm',
): Promise<WatcherProcess> {
  const script = `${prepare} && exec "$@"`;
  const child = startCommand('unshare', [
    namespaces,
    'sh',
    '-c',
    script,
    'sh',
    process.execPath,
    CHILD,
    kind,
    root,
  ]);
  const told: string[][] = [];
  const unseen: string[][] = [];

  async function until(words: string[]): Promise<string[]> {
    for (;;) {
      const at = unseen.findIndex((event) => words.every((word, index) => event[index] === word));
      if (at !== -1) return unseen.splice(at, 1)[0] ?? [];
      const event = (JSON.parse(await child.line()) as unknown[]).map(String);
      if (event[0] === 'failed') throw new Error(event.slice(1).join(' '));
      told.push(event);
      unseen.push(event);
    }
  }

  await until(['watching']);
  return {
    told,
    until,
    run(command) {
      child.say(command);
      return until(['done']);
    },
  };
}
