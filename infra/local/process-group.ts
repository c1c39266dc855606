/** A child process with everything it starts: ended as one, so that no process is left behind. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

export interface ProcessGroup {
  child: ChildProcess;
  /** Resolves once the leader has ended, with its exit code or the name of the signal. */
  ended: Promise<number | string>;
  /** SIGTERM, then SIGKILL for whatever is left of the group after the grace. */
  stop(graceMs: number): Promise<void>;
  /** SIGKILL at once, as the kernel does when memory runs out; resolves once the leader has ended. */
  kill(): Promise<void>;
}

export interface ProcessGroupOptions {
  environment: NodeJS.ProcessEnv;
  cwd: string;
  /** A file descriptor for both outputs, or `'pipe'`. */
  output: number | 'pipe';
  /** On Linux with util-linux: the leader gets a SIGTERM when this process ends, however it ends, SIGKILL included. */
  endsWithParent?: boolean;
}

/** https://man7.org/linux/man-pages/man1/setpriv.1.html; not every setpriv has the option: BusyBox's has not. */
const PARENT_DEATH = ['--pdeathsig', 'TERM', '--'];

/** Starts the command as the leader of its own process group: the terminal's Ctrl-C does not reach it. */
export function startProcessGroup(
  command: string,
  args: readonly string[],
  { environment, cwd, output, endsWithParent = false }: ProcessGroupOptions,
): ProcessGroup {
  const [program, ...all] =
    endsWithParent && canSetParentDeath()
      ? ['setpriv', ...PARENT_DEATH, command, ...args]
      : [command, ...args];
  const child = spawn(program, all, {
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
    async kill() {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      await ended;
    },
  };
}

function canSetParentDeath(): boolean {
  return spawnSync('setpriv', [...PARENT_DEATH, 'true']).status === 0;
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
