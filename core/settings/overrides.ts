/** Settings from the environment: `SLUICE_STORE_BUCKET` is `store.bucket`, and so on for all that are not inside a list. */
import * as z from 'zod';
import { nearestWord } from '../nearest-word.ts';
import { parsedYaml } from './parsed-yaml.ts';
import type { SettingsProblem } from './problems.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
type Schema = { type?: string; properties?: Record<string, Schema> };
type Values = Record<string, unknown>;

const STEM = 'SLUICE';
/** Read by the programs themselves; two edits make a setting of some. */
const NO_SETTINGS = ['SLUICE_CONFIG', 'SLUICE_SETTINGS', 'SLUICE_STAGE', 'SLUICE_STACK'];

interface Override {
  /** `store.bucket` */
  path: readonly string[];
  variable: string;
  /** Taken as it is, without YAML. */
  isText: boolean;
}

/**
 * Lays what the environment says over the values of the file.
 *
 * @param text of the file: a variable that it names is one of the user's own, such as of a token
 * @returns the variables taken, by the path of their setting; and what is wrong with variables
 */
export function override(
  values: Values,
  schema: z.ZodType,
  environment: Environment,
  text: string,
): { taken: ReadonlyMap<string, string>; problems: SettingsProblem[] } {
  const taken = new Map<string, string>();
  const problems: SettingsProblem[] = [];
  const known = overridesOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema, []);
  for (const { path, variable, isText } of known) {
    const said = environment[variable];
    if (said === undefined) continue;
    const read = isText ? { value: said } : parsedYaml(said);
    if ('fault' in read) {
      problems.push({ path: variable, found: JSON.stringify(said), expected: `YAML: ${read.fault}` });
    } else if (setAt(values, path, read.value)) taken.set(path.join('.'), variable);
  }
  const names = known.map(({ variable }) => variable);
  for (const name of Object.keys(environment)) {
    if (!name.startsWith(`${STEM}_`) || text.includes(name)) continue;
    if (names.includes(name) || NO_SETTINGS.includes(name)) continue;
    const near = nearestWord(name, names);
    if (near === undefined) continue;
    problems.push({ path: name, found: 'an unknown setting', expected: `${near} (did you mean that?)` });
  }
  return { taken, problems };
}

/** The problem as one of the variable that the value comes from; `undefined` for one of the file. */
export function asOfVariable(
  problem: SettingsProblem,
  taken: ReadonlyMap<string, string>,
): SettingsProblem | undefined {
  const { path } = problem;
  for (const [setting, variable] of taken) {
    if (path === setting || path.startsWith(`${setting}.`)) {
      return { ...problem, path: `${variable}${path.slice(setting.length)}` };
    }
  }
  return undefined;
}

function overridesOf({ properties = {} }: Schema, above: readonly string[]): Override[] {
  return Object.entries(properties).flatMap(([key, child]) => {
    const path = [...above, key];
    if (child.properties !== undefined) return overridesOf(child, path);
    return child.type === 'array'
      ? []
      : [{ path, variable: variableOf(path), isText: child.type === 'string' }];
  });
}

function variableOf(path: readonly string[]): string {
  const words = path.map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return [STEM, ...words].join('_');
}

/** False where the file has something else than settings on the way; that is told as a problem of the file. */
function setAt(values: Values, [key = '', ...below]: readonly string[], value: unknown): boolean {
  if (below.length === 0) {
    values[key] = value;
    return true;
  }
  const inner = values[key] ?? {};
  if (!isRecord(inner)) return false;
  values[key] = inner;
  return setAt(inner, below, value);
}

export function isRecord(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
