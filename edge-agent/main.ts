#!/usr/bin/env node
/**
 * The edge agent's command line.
 *
 * Exit codes: 0 done; 1 something could not be synced or checked; 2 wrong usage or settings, nothing touched.
 */
import { readFileSync } from 'node:fs';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { SyncError } from '#core/errors.ts';
import { unknownWord } from '#core/nearest-word.ts';
import { agentSettings, type HostSettings } from '#core/settings/agent.ts';
import { readSettings } from '#core/settings/settings-file.ts';
import { type Command, EXIT, type OptionValues, PROGRAM, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { configFile } from './config-file.ts';
import { commandHelp, helpText } from './help.ts';

const HELP = new Set(['help', '--help', '-h']);
const COMMON_OPTIONS = {
  config: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

async function main(args: readonly string[]): Promise<number> {
  const [first = '', ...rest] = args[0]?.startsWith('--config') ? commandFirst(args) : args;
  if (first === '' || (HELP.has(first) && rest[0] === undefined)) {
    const stream = first === '' ? process.stderr : process.stdout;
    stream.write(helpText(COMMANDS));
    return first === '' ? EXIT.usage : EXIT.done;
  }
  const asked = HELP.has(first) ? (rest[0] ?? '') : first;
  const name = asked === '--version' ? 'version' : asked;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(unknownWord('command', name, Object.keys(COMMANDS)));
  const wantsHelp = HELP.has(first) || rest.some((word) => HELP.has(word));
  if (!wantsHelp) return perform(name, command, rest);
  process.stdout.write(commandHelp(name, command));
  return EXIT.done;
}

async function perform(name: string, command: Command, args: readonly string[]): Promise<number> {
  if (command.on === 'arguments') return command.run(args);
  const values = optionsOf(name, command, args);
  if (command.on === 'nothing') return command.run(values);
  const config = configFile(values.config, process.env);
  if (config === undefined) {
    throw new UsageError(
      `which settings? ${PROGRAM} ${name} --config FILE; ${PROGRAM} init writes a first one`,
    );
  }
  const settings = load(config);
  return settings === undefined ? EXIT.usage : command.run(settings, values);
}

function optionsOf(name: string, { options, on }: Command, args: readonly string[]): OptionValues {
  const known: ParseArgsOptionsConfig = { ...COMMON_OPTIONS, ...options };
  if (on !== 'settings') delete known.config;
  try {
    return parseArgs({ args: [...args], options: known }).values as OptionValues;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const option = /^Unknown option '(-{1,2}[^'=]*)/.exec(error.message)?.[1];
    if (option === undefined) throw new UsageError(error.message);
    const names = Object.keys(known).map((one) => `--${one}`);
    throw new UsageError(unknownWord(`option of ${name}`, option, names));
  }
}

/** `--config FILE COMMAND` is as good as `COMMAND --config FILE`. */
function commandFirst(args: readonly string[]): readonly string[] {
  const at = args[0] === '--config' ? 2 : 1;
  if (args[at] === undefined) throw new UsageError(`which command? ${PROGRAM} --config FILE COMMAND`);
  return [...args.slice(at, at + 1), ...args.slice(0, at), ...args.slice(at + 1)];
}

function load(file: string): HostSettings | undefined {
  const result = readSettings(agentSettings, file, textOf(file), process.env);
  if ('settings' in result) return result.settings;
  process.stderr.write(`${result.problems}\n`);
  return undefined;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new UsageError(`${file} cannot be read: ${error.message}. ${toDoAbout(error)}`);
  }
}

function toDoAbout(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EACCES':
      return 'Start the agent as a user who may read it, or let this one: chgrp and chmod g+r.';
    case 'EISDIR':
      return 'Name the file in it.';
    default:
      return `\`${PROGRAM} init\` writes a first one.`;
  }
}

// A reader that has seen enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Error)) throw error;
  const hint = error instanceof SyncError && error.hint !== undefined ? `\n${error.hint}` : '';
  const more = error instanceof UsageError ? `\n${PROGRAM} --help tells what there is.` : '';
  process.stderr.write(`${PROGRAM}: ${error.message}${hint}${more}\n`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
