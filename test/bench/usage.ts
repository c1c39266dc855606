/** What a running process has taken so far, as Linux tells it. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  /** Of all its threads, those that have ended included; in steps of 10 ms. */
  cpuS: number;
  rssMb: number;
  peakRssMb: number;
  /** Times that one of its threads woke up. */
  wakeups: number;
}

/** USER_HZ, the same on every Linux: https://man7.org/linux/man-pages/man7/time.7.html */
const TICKS_PER_SECOND = 100;

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html and proc_pid_status.5.html */
export function usageOf(pid: number): Usage {
  // The name in parentheses may contain anything; fields are counted after it.
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) (?=[A-Za-z] )/);
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    cpuS: (user + system) / TICKS_PER_SECOND,
    rssMb: field(status, 'VmRSS') / 1024,
    peakRssMb: field(status, 'VmHWM') / 1024,
    wakeups: readdirSync(`/proc/${pid}/task`)
      .map((task) =>
        field(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'), 'voluntary_ctxt_switches'),
      )
      .reduce((all, one) => all + one, 0),
  };
}

function field(status: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1];
  if (found === undefined) throw new Error(`/proc/PID/status has no ${name}`);
  return Number(found);
}
