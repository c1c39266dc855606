/** The log of a simulated agent: into the trace, and counted by what it says, without what it says it of. */
import type { Log } from '../../../edge-agent/log.ts';
import type { Simulation } from '../simulation.ts';
import type { Process } from './process.ts';

/** Names that are others each time: in the trash, and of descriptors. */
const NUMBERED = /(\/trash\/|\/proc\/self\/fd\/)[\da-f-]+/g;

export function logOf(sim: Simulation, process: Process): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error'): Log['info'] =>
    (message, fields = {}) => {
      if (!process.alive) return;
      if (level === 'info') {
        const line = `${process.machine.kind} agent: ${message}`;
        sim.reached.set(line, (sim.reached.get(line) ?? 0) + 1);
      }
      if (level === 'warn' || level === 'error') process.task.complaints++;
      sim.trace(() =>
        `  ${process.name} ${level}: ${message} ${JSON.stringify(fields)}`.replaceAll(NUMBERED, '$1…'),
      );
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
