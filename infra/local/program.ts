/** How `npm start` and `npm run demo` begin and end: their arguments, signals, failures and exit codes. */
import { join, resolve } from 'node:path';
import { SyncError } from '#core/errors.ts';

const WRONG_USAGE = 2;

export const projectDir = resolve(import.meta.dirname, '../..');
/** Ignored by git; what the emulator stores and what is installed for it. */
export const localDir = join(projectDir, '.sluice', 'local');

export interface Program<Arguments> {
  /** Before its failures. */
  name: string;
  usage: string;
  /** Throws `TypeError`, as `parseArgs` does, for what cannot be meant. */
  readArguments(): Arguments;
  /** Answers the exit code. `stopping` is aborted by a signal, and by whatever else ends the program before its time. */
  run(args: Arguments, stopping: AbortController): Promise<number>;
  /** When it was ended before its time. */
  stoppedCode: number;
}

export async function runProgram<Arguments>(program: Program<Arguments>): Promise<void> {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(program.usage);
    return;
  }
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  let args: Arguments;
  try {
    args = program.readArguments();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`${error.message}\n${program.usage}`);
    process.exitCode = WRONG_USAGE;
    return;
  }
  try {
    process.exitCode = await program.run(args, stopping);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (stopping.signal.aborted) {
      process.exitCode = program.stoppedCode;
      return;
    }
    const hint = error instanceof SyncError && error.hint !== undefined ? `${error.hint}\n` : '';
    process.stderr.write(`${program.name}: ${error.message}\n${hint}`);
    process.exitCode = 1;
  }
}

/** Throws `TypeError` for what is no port; 0 is any free one. */
export function portOf(text: string): number {
  const port = Number(text);
  if (text.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TypeError(`--port ${text}: expected 0 to 65535`);
  }
  return port;
}
