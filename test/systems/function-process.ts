/** A deployed function as a process of this machine: the emulator runs each in some of their own. */
import { readdirSync, readFileSync } from 'node:fs';

/** The most resident memory that a process of the function ever had; https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
export function functionPeakBytes(functionName: string): number {
  const peaks = processesOf(functionName).map(
    (pid) => Number(/^VmHWM:\s+(\d+) kB$/m.exec(contentOf(`/proc/${pid}/status`))?.[1] ?? 0) * 1024,
  );
  return Math.max(...peaks);
}

/** Ends what it is doing, wherever it is, as the loss of its machine would. */
export function crashFunction(functionName: string): void {
  for (const pid of processesOf(functionName)) process.kill(pid, 'SIGKILL');
}

function processesOf(functionName: string): number[] {
  const pids = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) =>
      contentOf(`/proc/${pid}/environ`).split('\0').includes(`AWS_LAMBDA_FUNCTION_NAME=${functionName}`),
    );
  if (pids.length === 0) throw new Error(`no process of ${functionName} is running`);
  return pids.map(Number);
}

/** Processes end while they are looked at, and those of others are not ours to read. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return '';
    throw error;
  }
}
