#!/usr/bin/env node
/** `npm run ops -- COMMAND`: everything that is done to a deployed stack by hand. */
import { runOps } from './run.ts';
import { createTerminal } from './terminal.ts';

// A reader that has seen enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runOps(process.argv.slice(2), {
  environment: process.env,
  cwd: process.cwd(),
  terminal: createTerminal({ input: process.stdin, output: process.stdout, errors: process.stderr }),
});
