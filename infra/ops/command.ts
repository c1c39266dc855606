/** What a command is, and what it is given. */
import type { ParseArgsOptionsConfig } from 'node:util';
import type { Clients } from './clients.ts';
import type { DeployedStack } from './deployed.ts';
import type { Terminal } from './terminal.ts';

export interface Ops {
  clients: Clients;
  stack: DeployedStack;
  terminal: Terminal;
  json: boolean;
  nowMs: () => number;
  delay: (ms: number) => Promise<void>;
  /** Between two looks at something that is waited for. */
  pollMs: number;
}

export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

interface Described {
  /** After the command's name, such as `CONSUMER|all [--limit N]`. */
  usage: string;
  /** One line for the list of commands. */
  summary: string;
  /** More lines for `--help`, with examples. */
  details: string;
  options: ParseArgsOptionsConfig;
  /** How many words there are besides options. */
  words: { min: number; max: number };
}

/** Answers the exit code: 0 done; 1 something is not as it should be. */
export type Command = Described &
  (
    | { on: 'stack'; run(ops: Ops, words: readonly string[], options: OptionValues): Promise<number> }
    | {
        on: 'nothing';
        run(ops: Omit<Ops, 'stack'>, words: readonly string[], options: OptionValues): Promise<number>;
      }
  );

export const DONE = 0;
export const FAILED = 1;
