/** Where the JSON Schemas are, beside the settings that a command writes or prints. */
export const AGENT_SCHEMA = 'agent.schema.json';
/** A sluice.yaml is in the folder of the project. */
export const DEPLOYMENT_SCHEMA = 'docs/sluice.schema.json';

/**
 * A comment by which an editor finds the JSON Schema of the file.
 * https://github.com/redhat-developer/yaml-language-server#using-inlined-schema
 *
 * @param schema path or URL
 */
export function editorLine(schema: string): string {
  return `yaml-language-server: $schema=${schema}`;
}
