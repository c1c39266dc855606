/** Every command of the agent. Each loads what it needs and no more: most of the start of a command is loading. */
import { SyncError } from '#core/errors.ts';
import { agentSettings, type HostSettings } from '#core/settings/agent.ts';
import { folderSchema } from '#core/settings/agent-folder.ts';
import { type Commands, EXIT, type OptionValues, PROGRAM, SHELLS, SYSTEMS, UsageError } from './command.ts';
import { HOST_CONFIG } from './config-file.ts';
import { agentVersion } from './version.ts';

const FOLDER = { folder: { type: 'string' } } as const;
const BUCKET = { bucket: { type: 'string' } } as const;
const JSON_OUT = { json: { type: 'boolean' } } as const;

export const COMMANDS: Commands = {
  init: {
    on: 'nothing',
    summary: 'write a first agent.yaml, asking five questions at most',
    usage: `[--output FILE] [--bucket NAME] [--endpoint URL] [--path DIR] [--mode MODE]
         [--prefix PREFIX] [--json]`,
    details:
      'What a flag answers is not asked. Without a terminal nothing is asked: --bucket and --path must then be given.',
    examples: [
      ['init', 'asks, and writes agent.yaml'],
      [`init --bucket my-hub --path /srv/out --output ${HOST_CONFIG}`, 'asks for the rest'],
    ],
    options: {
      output: { type: 'string' },
      bucket: { type: 'string' },
      endpoint: { type: 'string' },
      path: { type: 'string' },
      mode: { type: 'string' },
      prefix: { type: 'string' },
      ...JSON_OUT,
    },
    choices: { mode: folderSchema.shape.mode.unwrap().options },
    run: async (options) => (await import('./init.ts')).initCommand(options),
  },
  check: {
    on: 'settings',
    summary: 'test stores, credentials, folders and limits, and say what to do about each failure',
    usage: '[--json]',
    details: 'Writes, reads and deletes one small object below .sluice/ in each store. Changes nothing else.',
    examples: [
      ['check --config agent.yaml', 'before the first run, and whenever something is odd'],
      ["check --json | jq '.checks[] | select(.ok == false)'", 'what failed, for a script'],
    ],
    options: JSON_OUT,
    run: async (settings, options) =>
      (await import('./check.ts')).checkCommand(settings, { json: options.json === true }),
  },
  run: {
    on: 'settings',
    summary: 'sync folders and buckets until SIGTERM or SIGINT',
    usage: '[--json]',
    details: 'A signal lets what is in flight end. Killed at any moment, the next run goes on where it was.',
    examples: [
      ['run --config agent.yaml', 'readable lines on stdout'],
      ['run --json | jq .message', 'one object a line, as with `log: { format: json }`'],
    ],
    options: JSON_OUT,
    run: (settings, options) => runLogged(logged(settings, options), 'run'),
  },
  once: {
    on: 'settings',
    summary: 'one pass over all of them; exit code 1 when something could not be synced',
    usage: '[--json]',
    details: 'For cron and scripts. Each file gets three tries.',
    examples: [
      ['once --config agent.yaml', 'one pass'],
      [`once || ${PROGRAM} status`, 'and what was left'],
    ],
    options: JSON_OUT,
    run: (settings, options) => runLogged(logged(settings, options), 'once'),
  },
  status: {
    on: 'settings',
    summary: 'what waits, is parked or held, and why',
    usage: '[--json] [--all]',
    details:
      'Asks the running agent, and the index where none runs. --all lists every file, not only the first ones.',
    examples: [
      ['status --all', 'every file that is not synced, and why'],
      ["status --json | jq '.folders[].waiting'", 'for a script'],
    ],
    options: { ...JSON_OUT, all: { type: 'boolean' } },
    run: async (settings, options) =>
      (await import('./status-command.ts')).statusCommand(settings, {
        json: options.json === true,
        all: options.all === true,
      }),
  },
  retry: {
    on: 'settings',
    summary: 'try now what waits, and compare buckets',
    usage: '[--folder NAME | --bucket NAME] [--json]',
    details: 'Of one folder or bucket, or of all.',
    examples: [['retry --config agent.yaml --folder outbox', 'after its cause was mended']],
    options: { ...FOLDER, ...BUCKET, ...JSON_OUT },
    run: async (settings, options) => (await import('./folder-commands.ts')).retryCommand(settings, options),
  },
  'approve-deletes': {
    on: 'settings',
    summary: 'let the deletes through that the guard holds',
    usage: '--folder NAME | --bucket NAME [--json]',
    details: 'Look at `status` first: so many files gone at once are often a mistake.',
    examples: [['approve-deletes --config agent.yaml --folder site', 'all that are held there now']],
    options: { ...FOLDER, ...BUCKET, ...JSON_OUT },
    run: async (settings, options) =>
      (await import('./folder-commands.ts')).approveCommand(settings, options),
  },
  'accept-folder': {
    on: 'settings',
    summary: 'take a folder that is not the one that was synced, such as a new disk',
    usage: '--folder NAME [--json]',
    details: 'Until then nothing of the folder is synced, and nothing in the bucket is deleted.',
    examples: [['accept-folder --config agent.yaml --folder site', 'after a restore from backup']],
    options: { ...FOLDER, ...JSON_OUT },
    run: async (settings, options) => (await import('./folder-commands.ts')).acceptCommand(settings, options),
  },
  import: {
    on: 'arguments',
    summary: 'print an agent.yaml for the configuration of another system',
    usage: 'SYSTEM [FILE] [--credentials FILE] [--json]',
    details: `What is left to do goes to stderr. No key is printed.

  signstash          FILE with MINIO_… lines; without FILE, the environment
  file-sync-service  FILE is its YAML; without FILE, config.yml
  syncd              FILE is its key=value file; --credentials FILE: where its keys are written (must not exist)
  relic              FILE is its .env; its keys stay where they are, in the environment`,
    examples: [
      ['import file-sync-service config.yml > agent.yaml', 'then check --config agent.yaml'],
      [
        'import syncd syncd.conf --credentials /etc/sluice/credentials > agent.yaml',
        'its keys go to the second file',
      ],
    ],
    options: { credentials: { type: 'string' }, ...JSON_OUT },
    words: SYSTEMS,
    run: async (args) => (await import('./import.ts')).importCommand(args),
  },
  schema: {
    on: 'nothing',
    summary: 'print the JSON Schema of agent.yaml, for editors',
    usage: '',
    details: 'The YAML language server reads it where the first line of agent.yaml names it.',
    examples: [
      ['schema > agent.schema.json', 'beside agent.yaml'],
      ['schema | jq .properties.folders', 'what a folder may have'],
    ],
    options: {},
    async run() {
      const { settingsSchema } = await import('#core/settings/reference.ts');
      process.stdout.write(
        `${JSON.stringify(settingsSchema(agentSettings, 'agent.yaml of Sluice'), null, 2)}\n`,
      );
      return EXIT.done;
    },
  },
  completion: {
    on: 'arguments',
    summary: 'print a completion script for bash, zsh or fish',
    usage: 'bash|zsh|fish [PROGRAM]',
    details: `PROGRAM is the name that the agent is called by; else ${PROGRAM}.`,
    examples: [
      ['completion bash > /etc/bash_completion.d/sluice-agent', 'for everyone, from the next shell on'],
      ['completion zsh > ~/.zfunc/_sluice-agent', 'with ~/.zfunc in fpath'],
      ['completion fish > ~/.config/fish/completions/sluice-agent.fish', ''],
    ],
    options: {},
    words: SHELLS,
    async run([shell = '', program = PROGRAM, ...more]) {
      if (more.length > 0) throw new UsageError(`${more.join(' ')} is too much`);
      const { completionScript, isShell } = await import('./completion.ts');
      if (!isShell(shell)) throw new UsageError(`which shell? ${PROGRAM} completion bash, zsh or fish`);
      process.stdout.write(completionScript(shell, program, COMMANDS));
      return EXIT.done;
    },
  },
  version: {
    on: 'nothing',
    summary: 'print the version',
    usage: '[--json]',
    details: '',
    examples: [['version --json | jq -r .version', 'for a script']],
    options: JSON_OUT,
    run({ json }) {
      const version = agentVersion();
      process.stdout.write(
        `${json === true ? JSON.stringify({ version, node: process.version }) : version}\n`,
      );
      return EXIT.done;
    },
  },
};

/** Who collects JSON lines looks for the reason of an end among them. */
async function runLogged(settings: HostSettings, command: 'run' | 'once'): Promise<number> {
  const { runAgent } = await import('./run.ts');
  try {
    return await runAgent(settings, command);
  } catch (error) {
    if (!(error instanceof SyncError) || settings.log.format !== 'json') throw error;
    const [{ createLog }, { batchLines }] = [await import('./log.ts'), await import('./line-batch.ts')];
    // Behind the lines that wait to be written.
    const write = batchLines((text) => process.stdout.write(text), process);
    createLog(settings.log, write).error(error.message, { hint: error.hint });
    return EXIT.failed;
  }
}

/** `--json` is the shorter `log: { format: json }`. */
function logged(settings: HostSettings, { json }: OptionValues): HostSettings {
  return json === true ? { ...settings, log: { ...settings.log, format: 'json' } } : settings;
}
