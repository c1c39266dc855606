/**
 * Where the executable starts. The import is dynamic so that the build can wrap the agent's main file, and so that a
 * native library that cannot be loaded is told as the agent tells other failures.
 */
import { SyncError } from '#core/errors.ts';

import('../main.ts').catch((error: unknown) => {
  if (!(error instanceof SyncError)) throw error;
  process.stderr.write(`sluice-agent: ${error.message}\n${error.hint ?? ''}\n`);
  process.exitCode = 1;
});
