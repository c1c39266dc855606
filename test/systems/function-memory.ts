/** What a deployed function takes of this machine: the emulator runs each in a process of its own. */
import { readdirSync, readFileSync } from 'node:fs';

/** The most resident memory that a process of the function ever had; https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
export function functionPeakBytes(functionName: string): number {
  const peaks = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => ({
      environment: contentOf(`/proc/${pid}/environ`),
      status: contentOf(`/proc/${pid}/status`),
    }))
    .filter(({ environment }) => environment.split('\0').includes(`AWS_LAMBDA_FUNCTION_NAME=${functionName}`))
    .map(({ status }) => Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024);
  if (peaks.length === 0) throw new Error(`no process of ${functionName} is running`);
  return Math.max(...peaks);
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
