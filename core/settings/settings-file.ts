/** From the text of a YAML file and the environment to settings, or to everything that is wrong with them. */
import type * as z from 'zod';
import { asOfVariable, type Environment, isRecord, override } from './overrides.ts';
import { parsedYaml } from './parsed-yaml.ts';
import { formatProblems, parseSettings, type SettingsProblem } from './problems.ts';

type Prepared = { value: Record<string, unknown> } | { problems: SettingsProblem[] };

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
  environment: Environment,
  prepare: (value: Record<string, unknown>) => Prepared = (value) => ({ value }),
): { settings: z.output<S> } | { problems: string } {
  const read = parsedYaml(text);
  if ('fault' in read) return { problems: `${file}: is not YAML: ${read.fault}` };
  let value = read.value ?? {};
  let taken: ReadonlyMap<string, string> = new Map();
  const wrong: SettingsProblem[] = [];
  if (isRecord(value)) {
    const prepared = prepare(value);
    if ('problems' in prepared) return { problems: formatProblems(file, prepared.problems) };
    value = prepared.value;
    const overridden = override(prepared.value, schema, environment, text);
    taken = overridden.taken;
    wrong.push(...overridden.problems);
  }
  const result = parseSettings(schema, value);
  if ('settings' in result && wrong.length === 0) return result;
  const inFile: SettingsProblem[] = [];
  for (const problem of 'problems' in result ? result.problems : []) {
    const ofVariable = asOfVariable(problem, taken);
    if (ofVariable === undefined) inFile.push(problem);
    else wrong.push(ofVariable);
  }
  const lines = [formatProblems(file, inFile), formatProblems('environment', wrong)];
  return { problems: lines.filter((line) => line !== '').join('\n') };
}
