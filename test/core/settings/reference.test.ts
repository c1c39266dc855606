import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { agentSettings } from '#core/settings/agent.ts';
import { deploymentSettings } from '#core/settings/deployment.ts';
import { type JsonSchema, settingsReference, settingsSchema } from '#core/settings/reference.ts';
import { STAGES } from '#core/settings/stages.ts';

const DOCS = '../../../docs';
const FILES: [string, z.ZodType, Record<string, JsonSchema>][] = [
  ['agent', agentSettings, {}],
  ['sluice', deploymentSettings, STAGES],
];

const HEAD = `# Settings

Two YAML files. Every problem is reported at once, with key, found and expected; the exit code is then 2, and nothing has been
touched. A setting outside a list can be set by the environment: \`SLUICE_LIMITS_BANDWIDTH\` is \`limits.bandwidth\`; a variable
that is almost one of these is refused. A duration is \`30s\`, \`5m\`, \`1h\`, \`30d\`, or a sum such as \`1h30m\`. Secrets are in neither file.

This page is made of the schemas that check the files (\`core/settings/reference.ts\`), as are [agent.schema.json](agent.schema.json) and
[sluice.schema.json](sluice.schema.json). An editor with the YAML language server completes and checks a file that begins with

    # yaml-language-server: $schema=PATH_OR_URL/agent.schema.json
`;

describe('the reference', () => {
  it('is what docs/settings.md says', async () => {
    const page = [
      HEAD,
      '## agent.yaml, one host\n',
      settingsReference(agentSettings),
      '\n## sluice.yaml, the deployment\n',
      settingsReference(deploymentSettings, STAGES),
    ];
    await expect(`${page.join('\n')}\n`).toMatchFileSnapshot(`${DOCS}/settings.md`);
  });

  it.each(FILES)('has a meaning for every setting of %s.yaml', (_name, schema, beside) => {
    const without = settingsReference(schema, beside)
      .split('\n')
      .filter((row) => row.endsWith('|  |'));
    expect(without).toEqual([]);
  });

  it.each(FILES)('is the JSON Schema docs/%s.schema.json', async (name, schema, beside) => {
    const text = JSON.stringify(settingsSchema(schema, `${name}.yaml of Sluice`, beside), null, 2);
    await expect(`${text}\n`).toMatchFileSnapshot(`${DOCS}/${name}.schema.json`);
  });
});
