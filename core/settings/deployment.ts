/** `sluice.yaml`: what is deployed. Read at synth by infra, and by the functions for the parts they are handed. */
import * as z from 'zod';
import { LEDGER } from '../controls.ts';
import { pascalCase } from '../names.ts';
import { isTimezone } from '../time-text.ts';
import { agentAccess, problemsOfAgents } from './agent-access.ts';
import { type Destination, destinationSchema, name } from './destination.ts';
import { daysOrOff, durationMs, minutesOrOff, wholeMinutes } from './duration.ts';
import { type FileManagerSettings, fileManagerSchema, reportSchema } from './http-target.ts';
import { overlaps } from './key-prefix.ts';
import { type RetentionRule, retentionRules } from './retention-rule.ts';
import {
  bucketName,
  isBucketInUrl,
  kmsKeyArn,
  samePlace,
  secretName,
  storePlace,
  URL_WITHOUT_BUCKET,
} from './store-place.ts';
import { isSound, soundItems, WHATEVER_IS_WRONG } from './without-faults.ts';

/** What CloudWatch Logs takes: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653] as const;

/** How long Lambda can collect messages of a queue: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html */
const upToFiveMinutes = durationMs.check(
  z.refine((ms) => ms % 1000 === 0 && ms <= 300_000, { error: 'whole seconds, at most 5m' }),
);

export const deploymentSettings = z
  .strictObject({
    name: z._default(name, 'sluice').describe('CloudFormation stack name and start of every other name.'),
    hub: z
      .strictObject({
        bucket: z.optional(bucketName).describe('Absent: named after stack, account and region.'),
        ...storePlace,
        kmsKey: z
          .optional(kmsKeyArn)
          .describe(
            "ARN of a KMS key of yours; absent: SSE-S3. Its key policy must let the account's roles use it.",
          ),
        noncurrentVersions: z
          .prefault(daysOrOff, '30d')
          .describe('How long what was overwritten or deleted can still be brought back; `off`: for ever.'),
      })
      .prefault({})
      .describe(
        'The bucket that everything meets in. With an endpoint: one that exists, told of through `ingest` and reconcile.',
      ),
    destinations: z
      .array(destinationSchema)
      .prefault([])
      .describe('Buckets that the hub is mirrored to; each has its own queue and function.'),
    agents: z
      .array(agentAccess)
      .default([])
      .describe('Hosts: each gets an IAM policy limited to its prefixes, and a queue when it receives.'),
    fileManager: z
      .optional(fileManagerSchema)
      .describe('Is told of every change: permissions, contents, deletes, renames.'),
    cdn: z
      .strictObject({
        distribution: z
          .string()
          .regex(/^[A-Z0-9]+$/, { error: 'the id of a distribution such as E1EXAMPLE' })
          .describe('Its id.'),
        window: z.prefault(upToFiveMinutes, '1m').describe('Changes are collected that long.'),
      })
      .optional()
      .describe('CloudFront distribution whose paths are invalidated when their objects change.'),
    ingest: z
      .strictObject({
        token: secretName.check(z.describe('Secret with JSON `{"token"}`.')),
      })
      .optional()
      .describe(
        "A URL that takes webhooks of MinIO, pub/sub pushes and customers' events, with a bearer token.",
      ),
    replayWindow: z
      .prefault(upToFiveMinutes, '5s')
      .describe('How long events are collected before they are replayed into the ledger.'),
    reconcile: z
      .prefault(minutesOrOff, '1d')
      .describe('How often ledger and hub are compared, for what events did not tell.'),
    retention: z.prefault(retentionRules, []).describe('What age removes from the hub.'),
    retentionEvery: z.prefault(wholeMinutes, '1h').describe('How often retention runs.'),
    report: z.prefault(reportSchema, {}).describe('What changed, and the whole state, as CSV and pages.'),
    alarms: z
      .strictObject({
        emails: z.array(z.email()).default([]).describe('Each is asked by AWS to confirm.'),
        oldestMessage: z
          .prefault(wholeMinutes, '1h')
          .describe('The oldest message of a queue may be that old.'),
        missingHeartbeat: z
          .prefault(minutesOrOff, '30m')
          .describe('An agent that has not said that it lives for so long is missing; `off`: nobody looks.'),
      })
      .prefault({})
      .describe('Who is told, and of what.'),
    logLevel: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']).default('INFO').describe('Of the functions.'),
    logDays: z
      .literal([...LOG_DAYS])
      .default(30)
      .describe('Days that CloudWatch keeps logs.'),
    tracing: z.boolean().default(false).describe('X-Ray traces of the functions.'),
    tags: z
      .record(z.string().min(1).max(128), z.string().max(256))
      .default({})
      .describe('On everything that can carry tags.'),
    timezone: z
      .string()
      .refine(isTimezone, { error: 'a time zone such as Europe/Berlin' })
      .default('UTC')
      .describe('IANA name, for times in reports and on terminals.'),
    removal: z
      .enum(['retain', 'destroy'])
      .default('retain')
      .describe('`destroy` also deletes buckets and ledger with the stack: for tests and demos only.'),
  })
  .superRefine((settings, context) => {
    const problem = (path: (string | number)[], message: string, input: unknown) =>
      context.addIssue({ code: 'custom', path, message, input });
    const issues = [...context.issues];
    const hub = isSound(issues, ['hub']) ? settings.hub : undefined;
    const agents = soundItems(issues, 'agents', settings.agents);
    const { items: destinations, indexOf } = soundItems(issues, 'destinations', settings.destinations);
    if (hub?.endpoint !== undefined) {
      if (hub.bucket === undefined) problem(['hub', 'bucket'], 'the name of the bucket at the endpoint', '');
      if (hub.credentials === undefined) {
        problem(['hub', 'credentials'], 'the name of the secret for the endpoint', undefined);
      }
      if (agents.items.length > 0) {
        problem(['agents'], 'none with a hub of another store: IAM does not reach there', settings.agents);
      }
      if (hub.bucket !== undefined && isBucketInUrl({ ...hub, bucket: hub.bucket })) {
        problem(['hub', 'endpoint'], URL_WITHOUT_BUCKET, hub.endpoint);
      }
    }
    for (const [index, one] of destinations.entries()) {
      const at = ['destinations', indexOf(index)];
      const earlier = destinations.slice(0, index).map((other) => other.name);
      const twin = earlier.find((other) => idsOf(other).some((id) => idsOf(one.name).includes(id)));
      if (twin !== undefined) {
        const expected =
          twin === one.name
            ? 'a name that no other destination has'
            : `a name whose ids differ from those of ${twin}`;
        problem([...at, 'name'], expected, one.name);
      }
      if (one.name === LEDGER)
        problem([...at, 'name'], 'another name: the ledger is reconciled too', one.name);
      if (hub?.bucket !== undefined && samePlace(one, { ...hub, bucket: hub.bucket })) {
        problem(
          [...at, 'bucket'],
          'a bucket other than the hub: it would be mirrored into itself',
          one.bucket,
        );
      }
      const rival = destinations
        .slice(0, index)
        .find((other) => samePlace(other, one) && overlaps(other.prefix, one.prefix));
      if (rival !== undefined) {
        const expected = `a place apart from ${rival.name}: each would delete what the other copies`;
        problem([...at, 'prefix'], expected, one.prefix);
      }
      if (one.endpoint !== undefined && one.credentials === undefined) {
        problem([...at, 'credentials'], 'the name of the secret for the endpoint', one.credentials);
      }
      if (isBucketInUrl(one)) problem([...at, 'endpoint'], URL_WITHOUT_BUCKET, one.endpoint);
    }
    for (const { path, expected, found } of problemsOfAgents(agents.items)) {
      problem(['agents', agents.indexOf(path[0]), ...path.slice(1)], expected, found);
    }
    // What a rule requires is told by all of these.
    if (['destinations', 'fileManager', 'retention'].some((name) => !isSound(issues, [name]))) return;
    for (const [index, rule] of settings.retention.entries()) {
      const expected = requirementProblem(rule, destinations, settings.fileManager);
      if (expected !== undefined) problem(['retention', index, 'requires'], expected, rule.requires);
    }
  }, WHATEVER_IS_WRONG);

export type DeploymentSettings = z.output<typeof deploymentSettings>;

function requirementProblem(
  { requires, dryRun }: RetentionRule,
  destinations: readonly Destination[],
  fileManager: FileManagerSettings | undefined,
): string | undefined {
  if (requires === 'delivered') {
    if (fileManager === undefined) return 'a fileManager to be delivered to';
    return fileManager.deletes && !dryRun
      ? 'a fileManager with deletes: false; it would lose its copy with the hub'
      : undefined;
  }
  if (requires !== 'mirrored') return undefined;
  if (destinations.length === 0) return 'at least one destination to be mirrored to';
  const carried = destinations.filter(({ deletes }) => deletes).map((one) => one.name);
  if (carried.length === 0 || dryRun) return undefined;
  return `destinations with deletes: false; ${carried.join(', ')} would lose its copy with the hub`;
}

/** Every id that the stack makes of a destination's name: `a-1` and `a1`, or `x` and `x-events`, cannot both be. */
function idsOf(one: string): string[] {
  return ['', 'Events', 'QueueUrl', 'DlqUrl'].map((suffix) => `${pascalCase(one)}${suffix}`);
}
