/** `stages` of sluice.yaml: what is different in `dev` or `prod`, laid over what is common to all. */
import type { SettingsProblem } from './problems.ts';

type Values = Record<string, unknown>;

/** How the setting is described, since it is gone when the schema of the rest looks at the file. */
export const STAGES = {
  stages: {
    type: 'object',
    description:
      'Settings laid over the rest when deployed with `npm run deploy -- -c stage=NAME`; a list replaces a list.',
    additionalProperties: { type: 'object' },
  },
};

/**
 * The settings of one stage. A list replaces a list; a mapping is laid over a mapping.
 *
 * @param value the parsed file
 * @param stage the one asked for; a file with stages needs one, so that nobody deploys what no stage describes
 */
export function settingsOfStage(
  value: Values,
  stage: string | undefined,
): { value: Values } | { problems: SettingsProblem[] } {
  const { stages, ...common } = value;
  const wrong = (path: string, found: string, expected: string) => ({
    problems: [{ path, found, expected }],
  });
  if (stages === undefined) {
    if (stage === undefined) return { value: common };
    return wrong('stages', 'none', `a stage named ${stage}`);
  }
  if (!isMapping(stages)) return wrong('stages', 'something else', 'a mapping of stage names to settings');
  const names = Object.keys(stages).join(', ');
  if (stage === undefined)
    return wrong('stages', names, 'one of them to be named with npm run deploy -- -c stage=NAME');
  const own = stages[stage];
  if (!isMapping(own)) return wrong('stages', names || 'none', `a stage named ${stage}, with its settings`);
  return { value: laidOver(common, own) };
}

function laidOver(below: Values, above: Values): Values {
  const result = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const other = result[key];
    result[key] = isMapping(value) && isMapping(other) ? laidOver(other, value) : value;
  }
  return result;
}

function isMapping(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
