/** What the demo deployment mirrors to: two buckets on the emulator, and the secret for the one behind an endpoint. */
import { readFile, writeFile } from 'node:fs/promises';
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

/** Writes a copy of the settings whose destinations with an endpoint point to `endpoint`, and answers them parsed. */
export async function localSettings(
  sourceFile: string,
  targetFile: string,
  endpoint: string,
): Promise<DeploymentSettings> {
  const value = parse(await readFile(sourceFile, 'utf8')) as { destinations?: { endpoint?: string }[] };
  for (const destination of value.destinations ?? []) {
    if (destination.endpoint !== undefined) destination.endpoint = endpoint;
  }
  const parsed = parseSettings(deploymentSettings, value);
  if ('problems' in parsed) {
    throw new SyncError(formatProblems(sourceFile, parsed.problems), { op: 'settings', retryable: false });
  }
  await writeFile(targetFile, stringify(value));
  return parsed.settings;
}

/** Creates the buckets and secrets that the settings name; those that are there stay as they are. */
export async function createDestinations(settings: DeploymentSettings): Promise<void> {
  const s3 = new S3Client({ forcePathStyle: true });
  const secrets = new SecretsManagerClient();
  for (const { bucket, credentials } of settings.destinations) {
    await unless('BucketAlreadyOwnedByYou', s3.send(new CreateBucketCommand({ Bucket: bucket })));
    if (credentials === undefined) continue;
    const SecretString = JSON.stringify(CREDENTIALS);
    const created = await unless(
      'ResourceExistsException',
      secrets.send(new CreateSecretCommand({ Name: credentials, SecretString })),
    );
    if (!created) await secrets.send(new PutSecretValueCommand({ SecretId: credentials, SecretString }));
  }
  s3.destroy();
  secrets.destroy();
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

async function unless(expected: string, request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if ((error as Error).name !== expected) throw error;
    return false;
  }
}
