/**
 * What each function may do, written out: grant* helpers give more than is used. test/infra asserts
 * these lists on the template, and the end-to-end suite runs with the emulator enforcing them.
 */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { REPORT_PREFIX, RESERVED } from '#core/names.ts';
import type { Destination } from '#core/settings/destination.ts';
import type { ReportSettings } from '#core/settings/http-target.ts';
import { allow, allowAll, readSecret } from './statements.ts';

export interface Places {
  /** ARN of the stack's own hub; absent where the hub is a bucket of another store. */
  hubArn?: string;
  /** Secret for the hub of another store. */
  hubSecret?: string | undefined;
  /** Of the key that the hub is encrypted with, where there is one. */
  kmsKeyArn?: string | undefined;
  reportsArn: string;
  ledgerArn: string;
}

export function eventReplayStatements(scope: Construct, places: Places): PolicyStatement[] {
  return [
    ...readHub(scope, places),
    allow('Ledger', ['dynamodb:GetItem', 'dynamodb:UpdateItem'], places.ledgerArn),
    allow('Journal', ['s3:PutObject'], `${places.reportsArn}/${REPORT_PREFIX.journal}*`),
  ];
}

export function deliverStatements(
  scope: Construct,
  places: Places,
  secret: string | undefined,
): PolicyStatement[] {
  return [
    ...readHub(scope, places),
    allow('Ledger', ['dynamodb:GetItem', 'dynamodb:UpdateItem'], places.ledgerArn),
    ...readSecret(scope, 'SigningKey', secret),
  ];
}

export function mirrorStatements(
  scope: Construct,
  places: Places,
  destination: Destination,
): PolicyStatement[] {
  return [
    ...readHub(scope, places),
    ...hubObjects(places, 'ReadHubTags', ['s3:GetObjectTagging']),
    ...writeDestination(scope, destination),
    // The mirror record, and the window of the guard.
    allow('Ledger', ['dynamodb:UpdateItem', 'dynamodb:GetItem', 'dynamodb:PutItem'], places.ledgerArn),
  ];
}

/** @param destination absent: hub and ledger are compared */
export function reconcileStatements(
  scope: Construct,
  places: Places,
  destination: Destination | undefined,
): PolicyStatement[] {
  return [
    ...listHub(scope, places),
    ...(destination === undefined
      ? []
      : [
          ...listDestination(scope, destination),
          // Records of copies that are not there.
          allow('Refuted', ['dynamodb:UpdateItem'], places.ledgerArn),
        ]),
    allow('Ledger', ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem'], places.ledgerArn),
    allow('ListReports', ['s3:ListBucket'], places.reportsArn),
    ...allowAll(
      'Plans',
      ['s3:PutObject', 's3:GetObject', 's3:AbortMultipartUpload'],
      [REPORT_PREFIX.reconcile, REPORT_PREFIX.runs].map((prefix) => `${places.reportsArn}/${prefix}*`),
    ),
  ];
}

export function stateReportStatements(
  scope: Construct,
  places: Places,
  report: ReportSettings,
): PolicyStatement[] {
  const { state, diff, html, runs, journal } = REPORT_PREFIX;
  return [
    ...heartbeats(scope, places),
    allow('Ledger', ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem'], places.ledgerArn),
    allow('ListReports', ['s3:ListBucket'], places.reportsArn),
    ...allowAll(
      'Reports',
      ['s3:PutObject', 's3:GetObject', 's3:AbortMultipartUpload'],
      [state, diff, html, runs, journal].map((prefix) => `${places.reportsArn}/${prefix}*`),
    ),
    // A large state is continued in another invocation.
    allow('Continue', ['s3:ListMultipartUploadParts'], `${places.reportsArn}/${state}*`),
    // The queues are more than an environment has room for; the stack's outputs name them.
    allow('Outputs', ['cloudformation:DescribeStacks'], stackByName(scope)),
    ...[...new Set(report.endpoints.map(({ secret }) => secret))].flatMap((secret, index) =>
      readSecret(scope, `SigningKey${index}`, secret),
    ),
  ];
}

export function retentionStatements(scope: Construct, places: Places): PolicyStatement[] {
  return [
    ...readHub(scope, places),
    ...hubObjects(places, 'RemoveFromHub', ['s3:DeleteObject', 's3:GetObjectTagging']),
    allow('Ledger', ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem'], places.ledgerArn),
    // The record is read back before anything is removed.
    ...allowAll(
      'RecordRemovals',
      ['s3:PutObject', 's3:GetObject'],
      [REPORT_PREFIX.removals, REPORT_PREFIX.runs].map((prefix) => `${places.reportsArn}/${prefix}*`),
    ),
  ];
}

export function ingestStatements(scope: Construct, topicArn: string, secret: string): PolicyStatement[] {
  return [
    allow('Publish', ['sns:Publish', 'sns:PublishBatch'], topicArn),
    ...readSecret(scope, 'Token', secret),
  ];
}

/** ListBucket, because HEAD of an absent key is else a 403, which cannot be told from a refusal. */
function readHub(scope: Construct, { hubArn, hubSecret, kmsKeyArn }: Places): PolicyStatement[] {
  if (hubArn === undefined) return readSecret(scope, 'ReadHubCredentials', hubSecret);
  return [
    allow('ListHub', ['s3:ListBucket'], hubArn),
    allow('ReadHub', ['s3:GetObject'], `${hubArn}/*`),
    ...allowAll('Decrypt', ['kms:Decrypt'], kmsKeyArn === undefined ? [] : [kmsKeyArn]),
  ];
}

/** Names, sizes and ETags, never a byte. */
function listHub(scope: Construct, { hubArn, hubSecret }: Places): PolicyStatement[] {
  if (hubArn === undefined) return readSecret(scope, 'ReadHubCredentials', hubSecret);
  return [allow('ListHub', ['s3:ListBucket'], hubArn)];
}

function hubObjects({ hubArn }: Places, sid: string, actions: string[]): PolicyStatement[] {
  return allowAll(sid, actions, hubArn === undefined ? [] : [`${hubArn}/*`]);
}

/** Who asks by the name is judged by the name: its id is not known then. */
function stackByName(scope: Construct): string {
  const stack = Stack.of(scope);
  return stack.formatArn({
    service: 'cloudformation',
    resource: 'stack',
    resourceName: `${stack.stackName}/*`,
  });
}

/** Of the hub's objects those in which agents say that they live. */
function heartbeats(scope: Construct, places: Places): PolicyStatement[] {
  const { hubArn, kmsKeyArn } = places;
  if (hubArn === undefined) return readHub(scope, places);
  return [
    allow('ListHub', ['s3:ListBucket'], hubArn),
    allow('Heartbeats', ['s3:GetObject'], `${hubArn}/${RESERVED.agents}*`),
    ...allowAll('Decrypt', ['kms:Decrypt'], kmsKeyArn === undefined ? [] : [kmsKeyArn]),
  ];
}

function writeDestination(scope: Construct, destination: Destination): PolicyStatement[] {
  if (destination.endpoint !== undefined) {
    return readSecret(scope, 'ReadCredentials', destination.credentials);
  }
  const { prefix, deletes, createBucket, kmsKey } = destination;
  const bucketArn = destinationArn(scope, destination);
  return [
    allow(
      'ListDestination',
      // The uploads: so that one that was begun and lost is found again.
      ['s3:ListBucket', 's3:ListBucketMultipartUploads', ...(createBucket ? ['s3:CreateBucket'] : [])],
      bucketArn,
    ),
    allow(
      'WriteDestination',
      [
        's3:GetObject',
        's3:PutObject',
        's3:GetObjectTagging',
        's3:PutObjectTagging',
        's3:AbortMultipartUpload',
        's3:ListMultipartUploadParts',
        ...(deletes ? ['s3:DeleteObject'] : []),
      ],
      `${bucketArn}/${prefix}*`,
    ),
    // Decrypt: copies in parts are joined by the store, and HEAD asks for checksums.
    ...allowAll(
      'DestinationKey',
      ['kms:Decrypt', 'kms:GenerateDataKey'],
      kmsKey === undefined ? [] : [kmsKey],
    ),
  ];
}

function listDestination(scope: Construct, destination: Destination): PolicyStatement[] {
  if (destination.endpoint !== undefined) {
    return readSecret(scope, 'ReadCredentials', destination.credentials);
  }
  const actions = ['s3:ListBucket', ...(destination.createBucket ? ['s3:CreateBucket'] : [])];
  return [allow('ListDestination', actions, destinationArn(scope, destination))];
}

function destinationArn(scope: Construct, { bucket }: Destination): string {
  return Stack.of(scope).formatArn({
    service: 's3',
    region: '',
    account: '',
    resource: bucket,
    arnFormat: ArnFormat.NO_RESOURCE_NAME,
  });
}
