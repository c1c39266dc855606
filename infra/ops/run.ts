/** From a command line to an exit code: 0 done; 1 something failed or is held; 2 wrong usage, nothing touched. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readDeploymentSettings } from '../read-settings.ts';
import { parseCommandLine } from './arguments.ts';
import { createClients } from './clients.ts';
import type { OptionValues } from './command.ts';
import { COMMANDS } from './commands.ts';
import { describeStack } from './deployed.ts';
import { failureText } from './failure.ts';
import { commandHelp, helpText } from './help.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

export interface Surroundings {
  /** Read and, by --profile and --region, written: the SDK takes them from here alone. */
  environment: Record<string, string | undefined>;
  cwd: string;
  terminal: Terminal;
  pollMs?: number;
}

const FAILED = 1;
const WRONG_USAGE = 2;
const POLL_MS = 2_000;
const DEFAULT_STACK = 'sluice';

export async function runOps(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { environment, terminal, pollMs = POLL_MS } = surroundings;
  const clients = createClients(environment);
  try {
    const { command, words, options } = parseCommandLine(args, COMMANDS);
    if (command === undefined) {
      if (options.help !== true) throw new UsageError(`which command?\n\n${helpText(COMMANDS)}`);
      terminal.print(helpText(COMMANDS));
      return 0;
    }
    if (options.help === true) {
      terminal.print(commandHelp(command.name, command));
      return 0;
    }
    if (typeof options.profile === 'string') environment.AWS_PROFILE = options.profile;
    if (typeof options.region === 'string') environment.AWS_REGION = options.region;
    const json = options.json === true;
    const ops = { clients, terminal, json, nowMs: Date.now, delay: (ms: number) => delay(ms), pollMs };
    if (command.on === 'nothing') return await command.run(ops, words, options);
    const stack = await describeStack(clients, stackName(options, surroundings));
    return await command.run({ ...ops, stack }, words, options);
  } catch (error) {
    terminal.progress(undefined);
    if (error instanceof UsageError) {
      terminal.note(`ops: ${error.message}`);
      return WRONG_USAGE;
    }
    const text = failureText(error);
    if (text === undefined) throw error;
    terminal.note(`ops: ${text}`);
    return FAILED;
  } finally {
    clients.close();
  }
}

function stackName({ stack }: OptionValues, { environment, cwd }: Surroundings): string {
  if (typeof stack === 'string') return stack;
  if (environment.SLUICE_STACK) return environment.SLUICE_STACK;
  const named = environment.SLUICE_SETTINGS;
  if (!named && !existsSync(join(cwd, 'sluice.yaml'))) return DEFAULT_STACK;
  const answer = readDeploymentSettings({
    context: undefined,
    environment: named,
    stage: environment.SLUICE_STAGE,
    cwd,
  });
  if ('message' in answer) throw new UsageError(`${answer.message}\nOr name the stack with --stack.`);
  return answer.settings.name;
}
