/** `sluice.yaml`: what is deployed. Read at synth by infra, and by the functions for the parts they are handed. */
import { z } from 'zod';
import { pascalCase } from '../names.ts';
import { agentAccess, problemsOfAgents } from './agent-access.ts';
import { durationMs } from './duration.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const bucketName = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
  error: 'a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens',
});
const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,29}$/, { error: 'a name: up to 30 lower-case letters, digits and hyphens' });
const minuteOrMore = durationMs.refine((ms) => ms >= 60_000 && ms % 60_000 === 0, {
  error: 'whole minutes, at least 1m',
});
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html counts days. */
const DAY_MS = 86_400_000;
const DAYS_OR_OFF = 'whole days such as 30d, at least 1d, or off';
const wholeDays = durationMs.refine((ms) => ms >= DAY_MS && ms % DAY_MS === 0, { error: DAYS_OR_OFF });

const destination = z.strictObject({
  name,
  bucket: bucketName,
  /** Keys at the destination start with it. */
  prefix: z.string().default(''),
  region: z.string().default('us-east-1'),
  /** Absent: AWS, reached with the function's role, copied by the server. Present: streamed, with `credentials`. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  /** Name of a Secrets Manager secret holding JSON `{"accessKeyId", "secretAccessKey"}`; needed with `endpoint`. */
  credentials: z.string().optional(),
  addressing: z.enum(['path', 'virtual']).default('path'),
  /** Whether deletes in the hub are carried out here too (only after HEAD says that the hub has lost the object). */
  deletes: z.boolean().default(true),
});

const retentionRule = z.strictObject({
  name,
  /** Only keys below it. */
  prefix: z.string().default(''),
  olderThan: durationMs,
  /** `mirrored`: only objects whose present ETag every destination has confirmed. */
  requires: z.enum(['nothing', 'mirrored']).default('mirrored'),
  /** A run stops after so many removals. */
  maxRemovals: z.int().positive().default(1000),
  dryRun: z.boolean().default(false),
});

export const deploymentSettings = z
  .strictObject({
    /** CloudFormation stack name and start of every other name. */
    name: name.default('sluice'),
    hub: z
      .strictObject({
        bucket: bucketName.optional(),
        /** How long what was overwritten or deleted can still be brought back; `off`: for ever. */
        noncurrentVersions: z.union([z.literal('off'), wholeDays], { error: DAYS_OR_OFF }).prefault('30d'),
      })
      .prefault({}),
    destinations: z.array(destination).default([]),
    agents: z.array(agentAccess).default([]),
    retention: z.array(retentionRule).default([]),
    retentionEvery: minuteOrMore.prefault('1h'),
    report: z.strictObject({ every: minuteOrMore.prefault('5m') }).prefault({}),
    logLevel: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']).default('INFO'),
    /** `destroy` also deletes buckets and ledger with the stack: for tests and demos only. */
    removal: z.enum(['retain', 'destroy']).default('retain'),
  })
  .superRefine((settings, context) => {
    const problem = (path: (string | number)[], message: string, input: unknown) =>
      context.addIssue({ code: 'custom', path, message, input });
    for (const [index, { name: own, bucket, endpoint, credentials }] of settings.destinations.entries()) {
      const at = ['destinations', index];
      const earlier = settings.destinations.slice(0, index).map((other) => other.name);
      const twin = earlier.find((other) => idsOf(other).some((id) => idsOf(own).includes(id)));
      if (twin !== undefined) {
        const expected =
          twin === own
            ? 'a name that no other destination has'
            : `a name whose ids differ from those of ${twin}`;
        problem([...at, 'name'], expected, own);
      }
      if (bucket === settings.hub.bucket && endpoint === undefined) {
        problem([...at, 'bucket'], 'a bucket other than the hub: it would be mirrored into itself', bucket);
      }
      if (endpoint !== undefined && credentials === undefined) {
        problem([...at, 'credentials'], 'the name of the secret for the endpoint', credentials);
      }
    }
    for (const { path, expected, found } of problemsOfAgents(settings.agents)) {
      problem(['agents', ...path], expected, found);
    }
    const carried = settings.destinations.filter((one) => one.deletes).map((one) => one.name);
    for (const [index, rule] of settings.retention.entries()) {
      if (rule.requires === 'mirrored' && carried.length > 0 && !rule.dryRun) {
        problem(
          ['retention', index, 'requires'],
          `destinations with deletes: false; ${carried.join(', ')} would lose its copy with the hub`,
          rule.requires,
        );
      }
      if (rule.requires === 'mirrored' && settings.destinations.length === 0) {
        problem(
          ['retention', index, 'requires'],
          'at least one destination to be mirrored to',
          rule.requires,
        );
      }
    }
  });

export type DeploymentSettings = z.output<typeof deploymentSettings>;
export type Destination = DeploymentSettings['destinations'][number];
export type RetentionRule = DeploymentSettings['retention'][number];

/** Every id that the stack makes of a destination's name: `a-1` and `a1`, or `x` and `x-events`, cannot both be. */
function idsOf(name: string): string[] {
  return ['', 'Events', 'QueueUrl', 'DlqUrl'].map((suffix) => `${pascalCase(name)}${suffix}`);
}
