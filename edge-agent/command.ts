/** What a command of the agent is: what help and completion say of it, and what it does. */
import type { ParseArgsOptionsConfig } from 'node:util';
import type { HostSettings } from '#core/settings/agent.ts';

export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

interface Described {
  /** One line for the list of commands. */
  summary: string;
  /** After the command's name and `--config FILE`. */
  usage: string;
  /** More lines for `--help`; may be empty. */
  details: string;
  /** Command lines, without the program, and what each does. */
  examples: readonly (readonly [line: string, what: string])[];
  options: ParseArgsOptionsConfig;
  /** What the first word after the command may be; files may follow it. */
  words?: readonly string[];
  /** What may follow an option that takes one of a few words. */
  choices?: Readonly<Record<string, readonly string[]>>;
}

/** Answers the exit code. */
export type Command = Described &
  (
    | { on: 'settings'; run(settings: HostSettings, options: OptionValues): number | Promise<number> }
    | { on: 'nothing'; run(options: OptionValues): number | Promise<number> }
    /** Reads its own words and options. */
    | { on: 'arguments'; run(args: readonly string[]): number | Promise<number> }
  );

export type Commands = Readonly<Record<string, Command>>;

/** The executable's name, in help and in hints that are meant to be typed. */
export const PROGRAM = 'sluice-agent';

/** What `import` reads. */
export const SYSTEMS = ['signstash', 'file-sync-service', 'syncd', 'relic'] as const;

/** What `completion` writes for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const EXIT = {
  done: 0,
  /** Something could not be synced, or a check failed. */
  failed: 1,
  /** Wrong usage or settings; nothing was touched. */
  usage: 2,
} as const;

/** Wrong usage, said with where to look next. */
export class UsageError extends Error {}
