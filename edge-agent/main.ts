#!/usr/bin/env node
/**
 * The edge agent's command line.
 *
 * Exit codes: 0 done; 1 something could not be synced or checked; 2 wrong usage or settings, nothing touched.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openIndex } from '#adapters/host/index-db.ts';
import { SyncError } from '#core/errors.ts';
import { agentSettings, type HostSettings } from '#core/settings/agent.ts';
import { readSettings } from '#core/settings/settings-file.ts';
import { acceptFolder } from './folder-claim.ts';
import { indexFile } from './live.ts';
import { agentVersion } from './version.ts';

const USAGE = `usage: agent COMMAND --config FILE

  run               sync folders and buckets until SIGTERM or SIGINT
  once              one pass over all of them; exit code 1 when something could not be synced
  status            what waits, and why (--json, --all)
  check             test stores, credentials, folders and limits, and say what to do about each failure (--json)
  retry             try now what waits, and compare buckets (--folder NAME or --bucket NAME for one)
  approve-deletes   let the deletes through that the guard holds (--folder NAME or --bucket NAME)
  accept-folder     take a folder that is not the one that was synced, such as a new disk (--folder NAME)
  import            print an agent.yaml for the configuration of another system (agent import --help)
  version
`;
const DONE = 0;
const FAILED = 1;
const SETTINGS_WRONG = 2;

async function main(): Promise<number> {
  if (process.argv[2] === 'import') return (await import('./import.ts')).importCommand(process.argv.slice(3));
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      folder: { type: 'string' },
      bucket: { type: 'string' },
      json: { type: 'boolean' },
      all: { type: 'boolean' },
      help: { type: 'boolean' },
      version: { type: 'boolean' },
    },
  });
  const [command = ''] = positionals;
  if (values.help === true || values.version === true || command === 'version') {
    process.stdout.write(values.help === true ? USAGE : `${agentVersion()}\n`);
    return DONE;
  }
  const run = COMMANDS[command];
  if (run === undefined || values.config === undefined) return usage();
  const settings = load(values.config);
  if (settings === undefined) return SETTINGS_WRONG;
  const { folder, bucket } = values;
  const wrong =
    unknownName('folder', folder, settings.folders) ?? unknownName('bucket', bucket, settings.buckets);
  if (wrong !== undefined) return usage(wrong);
  return run(settings, { ...values, folder, bucket });
}

function unknownName(what: string, name: string | undefined, known: readonly { name: string }[]) {
  if (name === undefined || known.some((one) => one.name === name)) return undefined;
  const names = known.map((one) => one.name).join(', ') || 'none: the settings have no such list';
  return `--${what}: found ${JSON.stringify(name)}, expected one of ${names}`;
}

interface Options {
  folder: string | undefined;
  bucket: string | undefined;
  json?: boolean | undefined;
  all?: boolean | undefined;
}

/** Each loads what it needs and no more: most of the start of a command is loading. */
const COMMANDS: Record<string, (settings: HostSettings, options: Options) => number | Promise<number>> = {
  run: async (settings) => (await import('./run.ts')).runAgent(settings, 'run'),
  once: async (settings) => (await import('./run.ts')).runAgent(settings, 'once'),
  status: async (settings, options) => (await import('./status-command.ts')).statusCommand(settings, options),
  check: async (settings, options) => (await import('./check.ts')).checkCommand(settings, options),
  async retry(settings, { folder, bucket }) {
    const all = folder === undefined && bucket === undefined;
    const folders = all ? settings.folders : settings.folders.filter(({ name }) => name === folder);
    const buckets = all ? settings.buckets : settings.buckets.filter(({ name }) => name === bucket);
    if (folders.length > 0) {
      withIndex(settings, (index) => {
        for (const { name } of folders) {
          const waiting = index.retryNow(name);
          index.request('retry', name);
          process.stdout.write(`${name}: ${waiting} waiting, tried as soon as the agent runs\n`);
        }
      });
    }
    if (buckets.length > 0) (await import('./bucket-requests.ts')).retryBuckets(settings, buckets);
    return DONE;
  },
  async 'approve-deletes'(settings, { folder, bucket }) {
    if (bucket !== undefined) {
      (await import('./bucket-requests.ts')).approveBucket(settings, bucket);
      return DONE;
    }
    if (folder === undefined) return usage('approve-deletes needs --folder NAME or --bucket NAME');
    return withIndex(settings, (index) => {
      const { held } = index.counts(folder);
      if (held > 0) index.request('approve-deletes', folder);
      const what = held > 0 ? 'approved' : 'nothing to approve';
      process.stdout.write(`${folder}: ${held} deletes held, ${what}\n`);
    });
  },
  'accept-folder'(settings, { folder }) {
    if (folder === undefined) return usage('accept-folder needs --folder NAME');
    return withIndex(settings, (index) => {
      acceptFolder(folder, index);
      process.stdout.write(`${folder}: the folder that is there now is taken\n`);
    });
  },
};

/** Beside an agent that may be running. */
function withIndex(settings: HostSettings, action: (index: ReturnType<typeof openIndex>) => void): number {
  const index = openIndex(indexFile(settings), { beside: true });
  try {
    action(index);
  } finally {
    index.close();
  }
  return DONE;
}

function usage(problem?: string): number {
  process.stderr.write(`${problem === undefined ? '' : `agent: ${problem}\n`}${USAGE}`);
  return SETTINGS_WRONG;
}

function load(file: string): HostSettings | undefined {
  const result = readSettings(agentSettings, file, textOf(file), process.env);
  if ('settings' in result) return result.settings;
  process.stderr.write(`${result.problems}\n`);
  return undefined;
}

class Unreadable extends Error {}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Unreadable(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

// A reader that has seen enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  const hint = error instanceof SyncError && error.hint !== undefined ? `\n${error.hint}` : '';
  const wrongUsage = 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS') ? `\n${USAGE}` : '';
  process.stderr.write(`agent: ${error.message}${hint}${wrongUsage}\n`);
  process.exitCode = wrongUsage === '' && !(error instanceof Unreadable) ? FAILED : SETTINGS_WRONG;
}
