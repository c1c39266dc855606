/** What every import into sluice.yaml promises. */
import type { ImportedDeployment } from '#core/import/deployment.ts';
import type { ImportResult } from '#core/import/imported.ts';
import { importedYaml } from '#core/import/yaml-text.ts';
import { type DeploymentSettings, deploymentSettings } from '#core/settings/deployment.ts';
import { DEPLOYMENT_SCHEMA } from '#core/settings/editor-line.ts';
import { readSettings } from '#core/settings/settings-file.ts';

type Result = ImportResult<ImportedDeployment>;

export function yamlOf(imported: Result): string {
  if ('problems' in imported) throw new Error(JSON.stringify(imported.problems));
  return importedYaml(imported, 'Imported.', DEPLOYMENT_SCHEMA);
}

/** The settings as the deployment reads them; throws when it would not. */
export function deployable(imported: Result): DeploymentSettings {
  const result = readSettings(deploymentSettings, 'sluice.yaml', yamlOf(imported), {});
  if ('problems' in result) throw new Error(result.problems);
  return result.settings;
}

/** Whether the deployment reads it, or else every problem names what it is about and what was expected. */
export function deployableOrExplained(imported: Result): boolean {
  if (!('problems' in imported)) return deployable(imported).hub.bucket !== undefined;
  return (
    imported.problems.length > 0 &&
    imported.problems.every(
      ({ found, expected }) => found !== '' && expected !== '' && expected !== 'Invalid input',
    )
  );
}
