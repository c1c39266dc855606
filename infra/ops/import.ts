/**
 * `ops import`: the environment file of a predecessor becomes a sluice.yaml for the same job. The YAML goes to stdout,
 * what is left to do to stderr, and secrets to neither; --create-secrets puts them into Secrets Manager.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CreateSecretCommand, ResourceExistsException } from '@aws-sdk/client-secrets-manager';
import type { ImportedDeployment, ImportedSecret } from '#core/import/deployment.ts';
import type { ImportResult } from '#core/import/imported.ts';
import { importRelic } from '#core/import/relic.ts';
import { importS3SyncService } from '#core/import/s3-sync-service.ts';
import { importedYaml } from '#core/import/yaml-text.ts';
import { deploymentSettings } from '#core/settings/deployment.ts';
import { name as deploymentName } from '#core/settings/destination.ts';
import { DEPLOYMENT_SCHEMA } from '#core/settings/editor-line.ts';
import { formatProblems, parseSettings } from '#core/settings/problems.ts';
import { type Command, DONE, FAILED, type Ops } from './command.ts';
import { UsageError } from './usage-error.ts';

const SYSTEMS: Readonly<Record<string, (text: string, name: string) => ImportResult<ImportedDeployment>>> = {
  's3-sync-service': importS3SyncService,
  relic: importRelic,
};
const TOKEN_BYTES = 32;

export const importCommand: Command = {
  usage: 'SYSTEM ENVFILE [--name NAME] [--create-secrets]',
  summary: 'print a sluice.yaml for the job of another system: s3-sync-service, relic',
  details: `ENVFILE has the KEY=value lines of the old system. The YAML goes to stdout; what could not be carried over, and
what is left to do, to stderr. No secret is printed: with --create-secrets the secrets that the YAML names are
created in Secrets Manager (one that exists is left as it is); without it, they are listed.

  ops import relic .env > sluice.yaml
  ops import s3-sync-service .env --name customer-a --create-secrets > sluice.yaml`,
  options: { name: { type: 'string' }, 'create-secrets': { type: 'boolean' } },
  words: { min: 2, max: 2 },
  on: 'nothing',
  async run(ops, [system = '', file = ''], options) {
    const importer = Object.hasOwn(SYSTEMS, system) ? SYSTEMS[system] : undefined;
    if (importer === undefined) {
      throw new UsageError(`${system} cannot be imported; there are ${Object.keys(SYSTEMS).join(', ')}`);
    }
    const deployment = nameOf(options.name ?? system);
    const imported = importer(textOf(file), deployment);
    if ('problems' in imported) throw new UsageError(formatProblems(file, imported.problems));
    // What our own schema does not take is never written.
    const checked = parseSettings(deploymentSettings, imported.settings);
    if ('problems' in checked)
      throw new UsageError(formatProblems(`${file}, as sluice.yaml`, checked.problems));
    const taken = options['create-secrets'] === true ? await createSecrets(ops, imported.secrets) : [];
    if (ops.json) ops.terminal.print(jsonOf(imported));
    else {
      ops.terminal.print(
        importedYaml(
          imported,
          `Imported from ${system}. Deploy it: npm run deploy`,
          DEPLOYMENT_SCHEMA,
        ).trimEnd(),
      );
      for (const note of imported.notes) ops.terminal.note(`note: ${note}`);
    }
    return taken.length === 0 ? DONE : FAILED;
  },
};

/** Of the secrets the names of their fields, never a value. */
function jsonOf({ settings, notes, secrets }: ImportedDeployment): string {
  const named = secrets.map(({ name, purpose, fields }) => ({ name, purpose, fields: Object.keys(fields) }));
  return JSON.stringify({ settings, notes, secrets: named }, undefined, 2);
}

/** Answers the names of those that were there already: they may hold other values. */
async function createSecrets(
  { clients, terminal }: Omit<Ops, 'stack'>,
  secrets: readonly ImportedSecret[],
): Promise<string[]> {
  const taken: string[] = [];
  for (const { name, purpose, fields } of secrets) {
    const values = Object.fromEntries(
      Object.entries(fields).map(([field, value]) => [
        field,
        value ?? randomBytes(TOKEN_BYTES).toString('base64url'),
      ]),
    );
    try {
      await clients.secrets().send(
        new CreateSecretCommand({
          Name: name,
          Description: `Sluice: ${purpose}`,
          SecretString: JSON.stringify(values),
        }),
      );
      terminal.note(`created secret ${name} (${purpose})`);
    } catch (error) {
      if (!(error instanceof ResourceExistsException)) throw error;
      taken.push(name);
      terminal.note(`secret ${name} exists already and is left as it is: see that it holds the right values`);
    }
  }
  return taken;
}

function nameOf(text: string | boolean): string {
  const result = deploymentName.safeParse(text);
  if (result.success) return result.data;
  throw new UsageError(`--name: found ${JSON.stringify(text)}, expected ${result.error.issues[0]?.message}`);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new UsageError(`${file} cannot be read: ${error.message}`);
  }
}
