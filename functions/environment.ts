/**
 * What a function finds in its environment, parsed once with the schemas of the settings; each fault names the variable.
 * Schemas that only some functions need are named by their live-*.ts: making one takes time at every start.
 */
import { SyncError } from '#core/errors.ts';
import { ENV } from '#core/names.ts';
import * as z from '#core/schema.ts';
import { hubPlace, type StorePlace } from '#core/settings/store-place.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
type Variable = keyof typeof ENV;

export function requiredText(environment: Environment, variable: Variable): string {
  const text = environment[ENV[variable]];
  if (text === undefined || text === '') throw fault(variable, 'is not set');
  return text;
}

export function isSet(environment: Environment, variable: Variable): boolean {
  return (environment[ENV[variable]] ?? '') !== '';
}

export function namesOf(environment: Environment, variable: Variable): string[] {
  return (environment[ENV[variable]] ?? '').split(',').filter((name) => name !== '');
}

/** `undefined` when it is not set. */
export function millisecondsOf(environment: Environment, variable: Variable): number | undefined {
  return isSet(environment, variable)
    ? settingOf(environment, variable, z.number().check(z.nonnegative()))
    : undefined;
}

/** The hub's place: of another store where one is set, else the stack's own bucket. */
export function hubPlaceOf(environment: Environment, region: string): StorePlace {
  if (isSet(environment, 'hubPlace')) return settingOf(environment, 'hubPlace', hubPlace);
  return { bucket: requiredText(environment, 'hubBucket'), region };
}

/** A setting that infra wrote as JSON. */
export function settingOf<Value>(
  environment: Environment,
  variable: Variable,
  schema: z.ZodMiniType<Value>,
): Value {
  const text = requiredText(environment, variable);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw fault(variable, `is not JSON: ${error.message}`);
  }
  const result = schema.safeParse(value);
  if (!result.success) throw fault(variable, `is wrong: ${z.prettifyError(result.error)}`);
  return result.data;
}

function fault(variable: Variable, what: string): SyncError {
  return new SyncError(`environment variable ${ENV[variable]} ${what}`, {
    op: 'environment',
    retryable: false,
    code: 'BadEnvironment',
    hint: 'The stack sets it: deploy it again.',
  });
}
