#!/usr/bin/env node
/**
 * The edge agent's command line.
 *
 * Exit codes: 0 done; 1 something could not be moved or checked; 2 wrong usage or settings, nothing touched.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openIndex } from '#adapters/host/index-db.ts';
import { defaultCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import { SyncError } from '#core/errors.ts';
import { type AgentSettings, agentSettings } from '#core/settings/agent.ts';
import { readSettings } from '#core/settings/settings-file.ts';
import { runChecks } from './check.ts';
import { createFolderRunner } from './folder-runner.ts';
import { createLeases } from './leases.ts';
import { createLog } from './log.ts';
import { statusOf, statusTable } from './status.ts';

const USAGE = `usage: agent COMMAND --config FILE

  run      watch the folders and move files as their writers close them, until SIGTERM or SIGINT
  once     move what is there now; exit code 1 when something had to stay
  status   what waits, and why (--json for machines)
  check    test store, credentials, folders and limits, and say what to do about each failure
`;
const SETTINGS_WRONG = 2;

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { config: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  const command = positionals[0] ?? '';
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (!['run', 'once', 'status', 'check'].includes(command) || values.config === undefined) {
    process.stderr.write(USAGE);
    return SETTINGS_WRONG;
  }
  const settings = load(values.config);
  if (settings === undefined) return SETTINGS_WRONG;
  switch (command) {
    case 'status':
      return status(settings, values.json === true);
    case 'check':
      return check(settings);
    default:
      return work(settings, command === 'once');
  }
}

function load(file: string): AgentSettings | undefined {
  const result = readSettings(agentSettings, file, readFileSync(file, 'utf8'), process.env);
  if ('settings' in result) return result.settings;
  process.stderr.write(`${result.problems}\n`);
  return undefined;
}

async function work(settings: AgentSettings, once: boolean): Promise<number> {
  const log = createLog(settings.log);
  const index = openStateIndex(settings, (message) => log.error(message));
  const store = openStore(settings);
  const leases = createLeases();
  const runners: ReturnType<typeof createFolderRunner>[] = [];
  const stopRequested = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
  try {
    for (const folder of settings.folders) {
      runners.push(createFolderRunner({ settings, folder, store, index, leases, log }));
    }
    if (once) {
      const passes = Promise.all(runners.map((runner) => runner.once()));
      const left = await Promise.race([passes, stopRequested]);
      if (typeof left === 'string') log.info(`${left}: finishing what is in flight`);
      return typeof left === 'string' || left.some((count) => count > 0) ? 1 : 0;
    }
    await Promise.all(runners.map((runner) => runner.run()));
    log.info(`${await stopRequested}: finishing what is in flight`);
    return 0;
  } finally {
    await Promise.all(runners.map((runner) => runner.stop()));
    leases.close();
    index.close();
    await store.close();
    log.info('stopped');
  }
}

function status(settings: AgentSettings, json: boolean): number {
  const index = openStateIndex(settings, (message) => process.stderr.write(`${message}\n`));
  const folders = settings.folders.map((folder) => statusOf(folder, index));
  index.close();
  process.stdout.write(json ? `${JSON.stringify({ folders }, undefined, 2)}\n` : statusTable(folders));
  return 0;
}

async function check(settings: AgentSettings): Promise<number> {
  const store = openStore(settings);
  const results = await runChecks(settings, store);
  await store.close();
  for (const { name, ok, detail, hint } of results) {
    process.stdout.write(`${ok ? 'ok  ' : 'FAIL'}  ${name}: ${detail}\n`);
    if (!ok && hint !== undefined) process.stdout.write(`      ${hint}\n`);
  }
  return results.every(({ ok }) => ok) ? 0 : 1;
}

function openStateIndex(settings: AgentSettings, onProblem: (message: string) => void) {
  mkdirSync(settings.stateDirectory, { recursive: true, mode: 0o700 });
  const index = openIndex(`${settings.stateDirectory}/index.db`);
  if (index.quarantined !== undefined) onProblem(index.quarantined.message);
  return index;
}

function openStore({ store, limits }: AgentSettings) {
  return createS3Store({
    bucket: store.bucket,
    region: store.region,
    ...(store.endpoint === undefined ? {} : { endpoint: store.endpoint }),
    addressing: store.addressing,
    credentials: defaultCredentials(store.profile),
    crc32: store.checksum === 'crc32',
    connections: limits.concurrency,
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  const hint = error instanceof SyncError && error.hint !== undefined ? `\n${error.hint}` : '';
  const usage = 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS') ? `\n${USAGE}` : '';
  process.stderr.write(`agent: ${error.message}${hint}${usage}\n`);
  process.exitCode = usage === '' && !('code' in error && error.code === 'ENOENT') ? 1 : SETTINGS_WRONG;
}
