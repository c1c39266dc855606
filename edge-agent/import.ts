/**
 * `import`: the configuration of a predecessor becomes an agent.yaml for the same job. The YAML goes to stdout,
 * what could not be carried over to stderr, and secrets to neither.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importFileSyncService } from '#core/import/file-sync-service.ts';
import type { ImportResult } from '#core/import/imported.ts';
import { importRelicHost } from '#core/import/relic-host.ts';
import { importSignstash, importSignstashFile } from '#core/import/signstash.ts';
import { type ImportedKeys, importSyncd } from '#core/import/syncd.ts';
import { importedYaml } from '#core/import/yaml-text.ts';
import { unknownWord } from '#core/nearest-word.ts';
import { agentSettings } from '#core/settings/agent.ts';
import { AGENT_SCHEMA } from '#core/settings/editor-line.ts';
import { formatProblems, parseSettings, type SettingsProblem } from '#core/settings/problems.ts';
import { PROGRAM, SYSTEMS } from './command.ts';

const IMPORTED = 0;
const NOT_IMPORTED = 2;
const READABLE = `Name the old system's file, as a user who may read it; ${PROGRAM} import --help tells which that is.`;

/** @returns the exit code: 0, or 2 when nothing was imported and nothing was written */
export function importCommand(args: readonly string[]): number {
  const parsed = readArguments(args);
  if (typeof parsed === 'string') return usage(parsed);
  const { system, file, credentials } = parsed;
  const print = printer(parsed.json);
  if (credentials !== undefined && system !== 'syncd') return usage('--credentials is for syncd');
  switch (system) {
    case 'signstash':
      if (file === undefined) return print(importSignstash(process.env), system, 'environment');
      return withText(file, (text) => print(importSignstashFile(text), system, file));
    case 'file-sync-service': {
      const yaml = file ?? 'config.yml';
      return withText(yaml, (text) => print(importFileSyncService(text), system, yaml));
    }
    case 'syncd': {
      if (file === undefined) return usage('syncd needs its configuration FILE');
      const keysFile = credentials === undefined ? undefined : resolve(credentials);
      return withText(file, (text) => {
        const imported = importSyncd(text, keysFile);
        return print(
          imported,
          system,
          file,
          'keys' in imported ? keyWriter(keysFile, imported.keys) : undefined,
        );
      });
    }
    case 'relic':
      if (file === undefined) return usage('relic needs its environment FILE');
      return withText(file, (text) => print(importRelicHost(text), system, file));
    case 's3-sync-service':
      return usage(
        `${system} had no host: npm run -s ops -- import ${system}, in the project, makes a sluice.yaml`,
      );
    default:
      return usage(system === undefined ? 'which SYSTEM?' : unknownWord('SYSTEM', system, SYSTEMS));
  }
}

interface Arguments {
  system: string | undefined;
  file: string | undefined;
  credentials: string | undefined;
  json: boolean;
}

/** Or, as text, what is wrong with them. */
function readArguments(args: readonly string[]): Arguments | string {
  try {
    const { positionals, values } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { credentials: { type: 'string' }, json: { type: 'boolean', default: false } },
    });
    const [system, file, ...more] = positionals;
    return more.length > 0
      ? `${more.join(' ')} is too much`
      : { system, file, credentials: values.credentials, json: values.json };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return error.message;
  }
}

function withText(file: string, use: (text: string) => number): number {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return fileProblem(error, file, READABLE);
  }
  return use(text);
}

/** Writes nothing at all, neither YAML nor keys, unless our own schema accepts what was imported. */
function printer(json: boolean) {
  return (imported: ImportResult, system: string, source: string, writeKeys?: () => number): number => {
    if ('problems' in imported) return refuse(source, imported.problems);
    const checked = parseSettings(agentSettings, imported.settings);
    if ('problems' in checked) return refuse(`${source}, as agent.yaml`, checked.problems);
    const written = writeKeys?.() ?? IMPORTED;
    if (written !== IMPORTED) return written;
    const { settings, notes } = imported;
    if (json) {
      process.stdout.write(`${JSON.stringify({ settings, notes }, undefined, 2)}\n`);
      return IMPORTED;
    }
    const title = `Imported from ${system}. Try it: ${PROGRAM} check --config THIS-FILE; for editors: ${PROGRAM} schema > ${AGENT_SCHEMA}`;
    process.stdout.write(importedYaml(imported, title, AGENT_SCHEMA));
    for (const note of notes) process.stderr.write(`note: ${note}\n`);
    return IMPORTED;
  };
}

function keyWriter(file: string | undefined, keys: ImportedKeys): (() => number) | undefined {
  if (file === undefined) return undefined;
  const lines = [
    '[default]',
    `aws_access_key_id = ${keys.accessKeyId}`,
    `aws_secret_access_key = ${keys.secretAccessKey}`,
  ];
  return () => {
    try {
      writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' });
      return IMPORTED;
    } catch (error) {
      return fileProblem(error, file, 'Name another file behind --credentials.');
    }
  };
}

function refuse(source: string, problems: readonly SettingsProblem[]): number {
  process.stderr.write(`${formatProblems(source, problems)}\n`);
  return NOT_IMPORTED;
}

function fileProblem(error: unknown, file: string, hint: string): number {
  if (!(error instanceof Error) || !('code' in error)) throw error;
  const what = error.code === 'EEXIST' ? 'it exists already, and is left as it is' : error.message;
  process.stderr.write(`${PROGRAM} import: ${file}: ${what}\n${hint}\n`);
  return NOT_IMPORTED;
}

function usage(problem: string): number {
  process.stderr.write(`${PROGRAM} import: ${problem}\n${PROGRAM} import --help tells what there is.\n`);
  return NOT_IMPORTED;
}
