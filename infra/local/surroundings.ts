/** What the demo deployment talks to: two buckets on the emulator, secrets, a distribution, and the file manager's URL. */
import { readFile, writeFile } from 'node:fs/promises';
import {
  CloudFrontClient,
  CreateDistributionCommand,
  ListDistributionsCommand,
} from '@aws-sdk/client-cloudfront';
import { CreateBucketCommand, PutBucketTaggingCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { parse, stringify } from 'yaml';
import { SyncError } from '#core/errors.ts';
import { type DeploymentSettings, deploymentSettings } from '#core/settings/deployment.ts';
import { formatProblems, parseSettings } from '#core/settings/problems.ts';

/** Credentials that an emulator takes for the account's root. */
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
export const LOCAL_INGEST_TOKEN = 'local-ingest-token';
export const LOCAL_SIGNING_KEY = 'local-signing-key';
const DISTRIBUTION_COMMENT = 'sluice-local';

export interface Surroundings {
  /** Of the emulator; every destination with an endpoint is there. */
  endpoint: string;
  /** Base URL of the mock file manager, which also takes the reports. */
  fileManager: string;
  /** Absent: where the endpoint has no CloudFront. */
  distribution: string | undefined;
}

/** Where the emulator serves a function URL: its own host names are known to nobody. */
export function localFunctionUrl(endpoint: string, url: string): string {
  return `${endpoint}/_aws/lambda-url/${new URL(url).host.split('.')[0]}/`;
}

/** Writes a copy of the settings that points to the surroundings, and answers it parsed. */
export async function localSettings(
  sourceFile: string,
  targetFile: string,
  { endpoint, fileManager, distribution }: Surroundings,
): Promise<DeploymentSettings> {
  const value = parse(await readFile(sourceFile, 'utf8')) as {
    destinations?: { endpoint?: string }[];
    fileManager?: { url: string };
    report?: { endpoints?: { url: string }[] };
    cdn?: { distribution: string };
  };
  for (const destination of value.destinations ?? []) {
    if (destination.endpoint !== undefined) destination.endpoint = endpoint;
  }
  if (value.fileManager !== undefined) value.fileManager.url = fileManager;
  for (const report of value.report?.endpoints ?? []) report.url = `${fileManager}/reports`;
  if (value.cdn !== undefined && distribution !== undefined) value.cdn.distribution = distribution;
  if (distribution === undefined) delete value.cdn;
  const parsed = parseSettings(deploymentSettings, value);
  if ('problems' in parsed) {
    throw new SyncError(formatProblems(sourceFile, parsed.problems), { op: 'settings', retryable: false });
  }
  await writeFile(targetFile, stringify(value));
  return parsed.settings;
}

/** Creates the buckets and secrets that the settings name; those that are there stay as they are. */
export async function createSurroundings(settings: DeploymentSettings): Promise<void> {
  const { destinations, ingest, fileManager, report } = settings;
  const s3 = new S3Client({ forcePathStyle: true });
  for (const { bucket } of destinations) {
    await unless('BucketAlreadyOwnedByYou', s3.send(new CreateBucketCommand({ Bucket: bucket })));
  }
  s3.destroy();
  const secrets = new Map<string | undefined, Record<string, string>>([
    ...destinations.map(({ credentials }) => [credentials, CREDENTIALS] as const),
    [ingest?.token, { token: LOCAL_INGEST_TOKEN }],
    ...[fileManager, ...report.endpoints].map(
      (one) => [one?.secret, { signingKey: LOCAL_SIGNING_KEY }] as const,
    ),
  ]);
  const client = new SecretsManagerClient();
  for (const [name, value] of secrets) {
    if (name !== undefined) await setSecret(client, name, JSON.stringify(value));
  }
  client.destroy();
}

/** The id of a distribution of ours; `undefined` where there is no CloudFront, as on some emulators. */
export async function localDistribution(): Promise<string | undefined> {
  const client = new CloudFrontClient();
  try {
    const { DistributionList } = await client.send(new ListDistributionsCommand());
    const known = DistributionList?.Items?.find(({ Comment }) => Comment === DISTRIBUTION_COMMENT);
    if (known !== undefined) return known.Id;
    const { Distribution } = await client.send(
      new CreateDistributionCommand({
        DistributionConfig: {
          CallerReference: DISTRIBUTION_COMMENT,
          Comment: DISTRIBUTION_COMMENT,
          Enabled: true,
          Origins: {
            Quantity: 1,
            Items: [
              {
                Id: 'hub',
                DomainName: 'sluice-local.s3.amazonaws.com',
                S3OriginConfig: { OriginAccessIdentity: '' },
              },
            ],
          },
          DefaultCacheBehavior: {
            TargetOriginId: 'hub',
            ViewerProtocolPolicy: 'redirect-to-https',
            // AWS's own "CachingOptimized".
            CachePolicyId: '658327ea-f89d-4fab-a63d-7e88639e58f6',
          },
        },
      }),
    );
    return Distribution?.Id;
  } catch (error) {
    const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode === undefined) throw error;
    return undefined;
  } finally {
    client.destroy();
  }
}

/**
 * Tags the stack's buckets as CloudFormation should have: the emulator drops their tags, and without this one the
 * CDK's resource that empties buckets refuses to, so that `cdk destroy` fails.
 */
export async function tagForRemoval(buckets: readonly string[]): Promise<void> {
  const s3 = new S3Client({ forcePathStyle: true });
  const Tagging = { TagSet: [{ Key: 'aws-cdk:auto-delete-objects', Value: 'true' }] };
  for (const Bucket of buckets) await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging }));
  s3.destroy();
}

async function setSecret(client: SecretsManagerClient, name: string, value: string): Promise<void> {
  const created = await unless(
    'ResourceExistsException',
    client.send(new CreateSecretCommand({ Name: name, SecretString: value })),
  );
  if (!created) await client.send(new PutSecretValueCommand({ SecretId: name, SecretString: value }));
}

async function unless(expected: string, request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if ((error as Error).name !== expected) throw error;
    return false;
  }
}
