/** What a function finds in its environment, parsed once; each fault names the variable. */
import { z } from 'zod';
import { SyncError } from '#core/errors.ts';
import { ENV } from '#core/names.ts';
import type { Destination, RetentionRule } from '#core/settings/deployment.ts';

/** As infra writes it: parsed settings, so defaults are filled and durations are milliseconds. */
const destination: z.ZodType<Destination> = z.object({
  name: z.string(),
  bucket: z.string(),
  prefix: z.string(),
  region: z.string(),
  endpoint: z.string().optional(),
  credentials: z.string().optional(),
  addressing: z.enum(['path', 'virtual']),
  deletes: z.boolean(),
});
const retention: z.ZodType<RetentionRule[]> = z.array(
  z.object({
    name: z.string(),
    prefix: z.string(),
    olderThan: z.number().nonnegative(),
    requires: z.enum(['nothing', 'mirrored']),
    maxRemovals: z.number().int().positive(),
    dryRun: z.boolean(),
  }),
);

export type Environment = Readonly<Record<string, string | undefined>>;
type Variable = keyof typeof ENV;

export function requiredText(environment: Environment, variable: Variable): string {
  const text = environment[ENV[variable]];
  if (text === undefined || text === '') throw fault(variable, 'is not set');
  return text;
}

export function namesOf(environment: Environment, variable: Variable): string[] {
  return (environment[ENV[variable]] ?? '').split(',').filter((name) => name !== '');
}

export function destinationOf(environment: Environment): Destination {
  return json(environment, 'destination', destination);
}

export function retentionOf(environment: Environment): RetentionRule[] {
  return json(environment, 'retention', retention);
}

function json<Value>(environment: Environment, variable: Variable, schema: z.ZodType<Value>): Value {
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
