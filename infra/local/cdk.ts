/** Runs the real CDK CLI against an emulator, as `npm run deploy` does against an account. */
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { SyncError } from '#core/errors.ts';
import { inheritedEnvironment, LOCAL_ACCOUNT, LOCAL_REGION } from './emulator.ts';
import { startProcessGroup } from './process-group.ts';

/** Seconds on an idle machine; a busy one is given its time. */
const TIMEOUT_MS = 300_000;
/** What the CLI is given to end its own children. */
const STOP_GRACE_MS = 2_000;

/** Output keys of the stack (infra/sluice-stack.ts) and their values. */
export type StackOutputs = Record<string, string>;

export interface CdkOptions {
  projectDir: string;
  /** The CDK's cache, the cloud assembly and the outputs are kept here. */
  runDir: string;
  /** Path of a sluice.yaml. */
  settingsFile: string;
  /** `Emulator.environment`, or what reaches another endpoint. */
  environment: Record<string, string>;
  /** Ends the CLI and what it started. */
  signal?: AbortSignal;
}

/** Creates the CDK's own bucket and roles; quick when they are there. */
export async function bootstrap(options: CdkOptions): Promise<void> {
  await cdk(options, 'bootstrap', [`aws://${LOCAL_ACCOUNT}/${LOCAL_REGION}`]);
}

/** Deploys the stack and answers its outputs. */
export async function deploy(options: CdkOptions): Promise<StackOutputs> {
  const file = join(options.runDir, 'outputs.json');
  await cdk(options, 'deploy', ['--all', '--require-approval', 'never', '--outputs-file', file]);
  const stacks = JSON.parse(await readFile(file, 'utf8')) as Record<string, StackOutputs>;
  return Object.assign({}, ...Object.values(stacks)) as StackOutputs;
}

async function cdk(options: CdkOptions, command: string, args: readonly string[]): Promise<void> {
  const { projectDir, runDir, settingsFile, environment, signal } = options;
  signal?.throwIfAborted();
  await mkdir(runDir, { recursive: true });
  const modules = join(projectDir, 'node_modules');
  const logFile = join(runDir, `cdk-${command}.log`);
  const log = openSync(logFile, 'w');
  const group = startProcessGroup(
    process.execPath,
    [
      join(modules, 'aws-cdk', 'bin', 'cdk'),
      command,
      ...args,
      ...['--context', `settings=${settingsFile}`, '--output', join(runDir, 'cdk.out')],
      ...['--no-notices', '--no-color', '--ci', '--progress', 'events'],
    ],
    {
      cwd: projectDir,
      output: log,
      endsWithParent: true,
      environment: {
        ...inheritedEnvironment(),
        ...environment,
        // cdk.json says `node`: the project's own, not the system's.
        PATH: [join(modules, '.bin'), process.env.PATH].join(delimiter),
        // The CLI remembers the account of an access key; `test` is not to be remembered in the home directory.
        CDK_HOME: join(runDir, 'cdk-home'),
        CDK_DISABLE_CLI_TELEMETRY: 'true',
      },
    },
  );
  closeSync(log);
  const stop = () => void group.stop(STOP_GRACE_MS);
  const timer = setTimeout(stop, TIMEOUT_MS);
  signal?.addEventListener('abort', stop, { once: true });
  const end = await group.ended;
  clearTimeout(timer);
  signal?.removeEventListener('abort', stop);
  signal?.throwIfAborted();
  if (end === 0) return;
  throw new SyncError(`cdk ${command} ended with ${end}:\n${(await readFile(logFile, 'utf8')).trim()}`, {
    op: `cdk-${command}`,
    retryable: false,
    hint: `This is also in ${logFile}.`,
  });
}
