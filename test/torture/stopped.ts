/** Stops an agent as a suspended host does: not one of its threads goes on. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent } from './agent.ts';

const LOOK_EVERY_MS = 2;
const WITHIN_MS = 20_000;
/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: what stands after the name in parentheses */
const STATE = /\) ([A-Za-z])/;

/** Resolves when the kernel says that every thread stands still. */
export async function stopped({ process: child }: Pick<Agent, 'process'>): Promise<void> {
  const { pid } = child;
  if (pid === undefined) throw new Error('the agent has not started');
  child.kill('SIGSTOP');
  for (const startedMs = performance.now(); !threads(pid).every((state) => state === 'T'); ) {
    if (performance.now() - startedMs > WITHIN_MS) throw new Error(`process ${pid} cannot be stopped`);
    await delay(LOOK_EVERY_MS);
  }
}

function threads(pid: number): string[] {
  const directory = `/proc/${pid}/task`;
  return readdirSync(directory).map(
    (thread) => STATE.exec(readFileSync(`${directory}/${thread}/stat`, 'utf8'))?.[1] ?? '',
  );
}
