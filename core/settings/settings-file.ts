/** From the text of a YAML file and the environment to settings, or to everything that is wrong with them. */
import { parse, YAMLParseError } from 'yaml';
import * as z from 'zod';
import { formatProblems, parseSettings, type SettingsProblem } from './problems.ts';

type Prepared = { value: Record<string, unknown> } | { problems: SettingsProblem[] };
type Schema = { type?: string; properties?: Record<string, Schema> };

/**
 * Reads settings. `SLUICE_STORE_BUCKET` in the environment overrides `store.bucket`, and so on for every setting that
 * is not inside a list.
 *
 * @param file name for the messages
 * @param prepare what is to be done with the file's values before anything else
 * @returns the settings, or `problems`: one line each, ready to print
 */
export function readSettings<S extends z.ZodType>(
  schema: S,
  file: string,
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  prepare: (value: Record<string, unknown>) => Prepared = (value) => ({ value }),
): { settings: z.output<S> } | { problems: string } {
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (error) {
    // An alias without an anchor is a ReferenceError.
    if (!(error instanceof YAMLParseError || error instanceof ReferenceError)) throw error;
    return { problems: `${file}: is not YAML: ${error.message.split('\n')[0] ?? ''}` };
  }
  if (isRecord(value)) {
    const prepared = prepare(value);
    if ('problems' in prepared) return { problems: formatProblems(file, prepared.problems) };
    value = prepared.value;
    override(
      prepared.value,
      z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema,
      'SLUICE',
      environment,
    );
  }
  const result = parseSettings(schema, value);
  return 'settings' in result ? result : { problems: formatProblems(file, result.problems) };
}

function override(
  target: Record<string, unknown>,
  schema: Schema,
  stem: string,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    const variable = `${stem}_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
    if (child.properties !== undefined) {
      const inner = target[key] ?? {};
      if (!isRecord(inner)) continue;
      override(inner, child, variable, environment);
      if (Object.keys(inner).length > 0) target[key] = inner;
    } else if (child.type !== 'array' && environment[variable] !== undefined) {
      target[key] = child.type === 'string' ? environment[variable] : parse(environment[variable]);
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
