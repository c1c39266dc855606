/** The agent's command line as a process that ends by itself, without the environment of the tests. */
import { spawnSync } from 'node:child_process';
import { AGENT_MAIN } from './agent-process.ts';

/** Root may read everything, unless it gives that up. */
const READ_ALL = '-dac_override,-dac_read_search';

export function agentIn(directory: string, ...args: string[]) {
  return ended(directory, [process.execPath, AGENT_MAIN, ...args]);
}

/** As a user whom the permissions of files hold back. */
export function heldBackAgentIn(directory: string, ...args: string[]) {
  const held = ['setpriv', `--inh-caps=${READ_ALL}`, `--bounding-set=${READ_ALL}`];
  return ended(directory, [...(process.getuid?.() === 0 ? held : []), process.execPath, AGENT_MAIN, ...args]);
}

/** Without an end, the status is `null`. */
function ended(directory: string, [program = '', ...args]: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: directory,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: directory },
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}
