/** The words of a command line: which command, its options, or what is wrong with them. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { unknownWord } from '#core/nearest-word.ts';
import type { Command, OptionValues } from './command.ts';
import { UsageError } from './usage-error.ts';

/** Taken by every command. */
const COMMON_OPTIONS = {
  stack: { type: 'string' },
  profile: { type: 'string' },
  region: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

export interface Parsed {
  /** Absent: help about all of them, or nothing was asked for. */
  command?: { name: string } & Command;
  words: string[];
  options: OptionValues;
}

/** Throws `UsageError`. */
export function parseCommandLine(
  args: readonly string[],
  commands: Readonly<Record<string, Command>>,
): Parsed {
  // The name is the first word; what stands before it can only be a common option.
  const loose = parseArgs({
    args: [...args],
    options: COMMON_OPTIONS,
    allowPositionals: true,
    strict: false,
  });
  const [name] = loose.positionals;
  if (name === undefined || (name === 'help' && loose.positionals.length === 1)) {
    const { values } = parseStrictly(args, COMMON_OPTIONS);
    return { words: [], options: name === undefined ? values : { ...values, help: true } };
  }
  const [about, asksHelp] = name === 'help' ? [loose.positionals[1] ?? '', true] : [name, false];
  const command = Object.hasOwn(commands, about) ? commands[about] : undefined;
  if (command === undefined) throw new UsageError(unknownWord('command', about, Object.keys(commands)));
  const { positionals, values } = parseStrictly(args, { ...COMMON_OPTIONS, ...command.options });
  const words = positionals.slice(asksHelp ? 2 : 1);
  const options = { ...values, ...(asksHelp ? { help: true } : {}) };
  if (options.help !== true) {
    if (words.length < command.words.min) throw new UsageError(`usage: ops ${about} ${command.usage}`);
    if (words.length > command.words.max) {
      throw new UsageError(
        `${words.slice(command.words.max).join(' ')} is too much; usage: ops ${about} ${command.usage}`,
      );
    }
  }
  return { command: { name: about, ...command }, words, options };
}

function parseStrictly(args: readonly string[], options: ParseArgsOptionsConfig) {
  try {
    const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { positionals, values: values as OptionValues };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const option = /^Unknown option '(-{1,2}[^']*)'/.exec(error.message)?.[1];
    if (option === undefined) throw new UsageError(error.message);
    const known = Object.keys(options).map((one) => `--${one}`);
    throw new UsageError(unknownWord('option', option, known));
  }
}
