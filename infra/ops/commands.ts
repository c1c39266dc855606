/** All commands, in the order of the help. */
import { approve } from './approve.ts';
import type { Command } from './command.ts';
import { importCommand } from './import.ts';
import { incrementalSync } from './incremental-sync.ts';
import { initialSync } from './initial-sync.ts';
import { logs } from './logs.ts';
import { pause, resume } from './pause.ts';
import { reconcile } from './reconcile.ts';
import { redrive } from './redrive.ts';
import { retention } from './retention.ts';
import { status } from './status.ts';
import { test } from './test.ts';

export const COMMANDS: Readonly<Record<string, Command>> = {
  'initial-sync': initialSync,
  'incremental-sync': incrementalSync,
  status,
  test,
  reconcile,
  approve,
  retention,
  redrive,
  pause,
  resume,
  logs,
  import: importCommand,
};
