/** Where and from what figures come; they mean little without. */
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';

export interface Provenance {
  /** ISO 8601, to the second. */
  at: string;
  commit: string;
  machine: string;
  /** A tenth of the work: no figures for the documentation. */
  quick: boolean;
}

export function provenance(quick: boolean): Provenance {
  const all = cpus();
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  return {
    at: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    quick,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    }).trim(),
    machine: `${all.length} x ${all[0]?.model.trim() ?? 'unknown'}, ${memory}, Linux ${release()}, Node ${process.version}`,
  };
}
