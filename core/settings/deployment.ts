/** `sluice.yaml`: what is deployed. Read at synth by infra, and by the functions for the parts they are handed. */
import { z } from 'zod';
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
    hub: z.strictObject({ bucket: bucketName.optional() }).prefault({}),
    destinations: z.array(destination).default([]),
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
      if (settings.destinations.findIndex((other) => other.name === own) !== index) {
        problem([...at, 'name'], 'a name that no other destination has', own);
      }
      if (bucket === settings.hub.bucket && endpoint === undefined) {
        problem([...at, 'bucket'], 'a bucket other than the hub: it would be mirrored into itself', bucket);
      }
      if (endpoint !== undefined && credentials === undefined) {
        problem([...at, 'credentials'], 'the name of the secret for the endpoint', credentials);
      }
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
