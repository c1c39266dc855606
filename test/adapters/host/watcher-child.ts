/**
 * A watcher in a process of its own, for what needs namespaces of its own: `KIND ROOT POLL_MS` as arguments. Prints
 * one JSON array for each event, and runs each line it is told as a shell command.
 */
import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { WatchOptions } from '#adapters/host/watch-session.ts';
import { type WatchEvents, watchTree } from '#adapters/host/watcher.ts';

const [kind = 'auto', root = '', pollMs = '20'] = process.argv.slice(2);
const say = (...words: (string | number)[]) => process.stdout.write(`${JSON.stringify(words)}\n`);

const events: WatchEvents = {
  onDirty: (path) => say('dirty', path.toString()),
  onGone: (path) => say('gone', path.toString()),
  onRescan: (reason) => say('rescan', reason),
  onProblem: (error) => say('problem', error.message),
};

try {
  const options = { kind: kind as WatchOptions['kind'], pollMs: Number(pollMs), gone: true };
  const watcher = await watchTree(Buffer.from(root), options, events);
  say('watching', watcher.kind, watcher.watchCount);
  for await (const line of createInterface({ input: process.stdin })) {
    execFileSync('sh', ['-c', line], { stdio: ['ignore', 'inherit', 'inherit'] });
    say('done', watcher.kind, watcher.watchCount);
  }
  watcher.close();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  say('failed', error.message, 'hint' in error ? String(error.hint) : '');
}
