/** Where sluice.yaml is, and what is wrong with it if it cannot be used. */
import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { type DeploymentSettings, deploymentSettings } from '#core/settings/deployment.ts';
import { readSettings } from '#core/settings/settings-file.ts';
import { settingsOfStage } from '#core/settings/stages.ts';

const DEFAULT_FILE = 'sluice.yaml';

export interface SettingsSource {
  /** `cdk -c settings=FILE` */
  context: unknown;
  /** SLUICE_SETTINGS */
  environment: string | undefined;
  /** `cdk -c stage=NAME`, or SLUICE_STAGE */
  stage: string | undefined;
  cwd: string;
}

/** The deployment's settings, or one message with every problem. The order: context, environment, ./sluice.yaml. */
export function readDeploymentSettings(
  source: SettingsSource,
): { settings: DeploymentSettings; file: string } | { message: string } {
  const named = typeof source.context === 'string' ? source.context : source.environment;
  const file = resolve(source.cwd, named || DEFAULT_FILE);
  const shown = relative(source.cwd, file) || file;

  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return {
      message: `${shown}: cannot be read (${code}). Name the settings with npm run deploy -- -c settings=FILE or SLUICE_SETTINGS, or write ${DEFAULT_FILE} here; infra/local/sluice.yaml is an example.`,
    };
  }

  const answer = readSettings(deploymentSettings, shown, text, process.env, (value) =>
    settingsOfStage(value, source.stage),
  );
  if ('problems' in answer) return { message: answer.problems };
  return { settings: answer.settings, file };
}

/**
 * What is wrong when options for CDK stood before `--`: npm keeps them (`-c` is its own `--call`), CDK never sees them, and
 * the default settings would be deployed. https://docs.npmjs.com/cli/v11/using-npm/config
 */
export function takenByNpm(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { npm_config_call: call = '' } = environment;
  const long = ['context', 'settings', 'stage'].find(
    (name) => environment[`npm_config_${name}`] !== undefined,
  );
  if (!/^(?:settings|stage)=/.test(call) && long === undefined) return undefined;
  const taken = long === undefined ? `-c ${call}` : `--${long}`;
  return `npm took ${taken} for an option of its own; put -- before it: npm run deploy -- -c settings=FILE -c stage=NAME`;
}
