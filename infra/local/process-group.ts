/** A child process with everything it starts: ended as one, so that no process is left behind. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface ProcessGroup {
  child: ChildProcess;
  /** Resolves once the leader has ended, with its exit code or the name of the signal. */
  ended: Promise<number | string>;
  /** SIGTERM, then SIGKILL for whatever is left of the group after the grace. */
  stop(graceMs: number): Promise<void>;
}

export interface ProcessGroupOptions {
  environment: NodeJS.ProcessEnv;
  cwd: string;
  /** A file descriptor for both outputs, or `'pipe'`. */
  output: number | 'pipe';
}

/** Starts the command as the leader of its own process group: the terminal's Ctrl-C does not reach it. */
export function startProcessGroup(
  command: string,
  args: readonly string[],
  { environment, cwd, output }: ProcessGroupOptions,
): ProcessGroup {
  const child = spawn(command, args, {
    cwd,
    env: environment,
    detached: true,
    stdio: ['ignore', output, output],
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  return {
    child,
    ended,
    async stop(graceMs) {
      const { pid } = child;
      if (pid === undefined) return;
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await orTimeout(ended, graceMs);
      }
      // The leader may have ended, or ignored the signal, with children still there.
      signalGroup(pid, 'SIGKILL');
      await ended;
    },
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function orTimeout(ended: Promise<unknown>, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, graceMs);
  await Promise.race([ended, promise]);
  clearTimeout(timer);
}
