/**
 * What each function and each agent may do, written out: grant* helpers give more than is used. test/infra asserts
 * these lists on the template, and the end-to-end suite runs with the emulator enforcing them.
 */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { PROBE_NAME, REPORT_PREFIX, RESERVED } from '#core/names.ts';
import type { AgentAccess, FolderAccess } from '#core/settings/agent-access.ts';
import type { Destination } from '#core/settings/deployment.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions */
const UPLOAD = ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];
const PROBE = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion'];

export interface Places {
  hubArn: string;
  reportsArn: string;
  ledgerArn: string;
}

export function eventReplayStatements(places: Places): PolicyStatement[] {
  return [...readHub(places), allow('Ledger', ['dynamodb:GetItem', 'dynamodb:UpdateItem'], places.ledgerArn)];
}

export function mirrorStatements(
  scope: Construct,
  places: Places,
  destination: Destination,
): PolicyStatement[] {
  const ledger = allow('Ledger', ['dynamodb:UpdateItem'], places.ledgerArn);
  if (destination.endpoint !== undefined) {
    return [...readHub(places), ledger, readSecret(scope, destination.credentials ?? '')];
  }
  const bucketArn = Stack.of(scope).formatArn({
    service: 's3',
    region: '',
    account: '',
    resource: destination.bucket,
    arnFormat: ArnFormat.NO_RESOURCE_NAME,
  });
  return [
    ...readHub(places),
    // CopyObject carries tags, and is refused without these two when there are some.
    allow('ReadHubTags', ['s3:GetObjectTagging'], `${places.hubArn}/*`),
    allow('ListDestination', ['s3:ListBucket'], bucketArn),
    allow(
      'WriteDestination',
      [
        's3:GetObject',
        's3:PutObject',
        's3:PutObjectTagging',
        's3:AbortMultipartUpload',
        ...(destination.deletes ? ['s3:DeleteObject'] : []),
      ],
      `${bucketArn}/${destination.prefix}*`,
    ),
    ledger,
  ];
}

export function stateReportStatements(places: Places): PolicyStatement[] {
  return [
    allow('Ledger', ['dynamodb:Query'], places.ledgerArn),
    allow(
      'WriteReports',
      ['s3:PutObject', 's3:AbortMultipartUpload'],
      `${places.reportsArn}/${REPORT_PREFIX.state}*`,
    ),
  ];
}

export function retentionStatements(places: Places): PolicyStatement[] {
  return [
    ...readHub(places),
    allow('RemoveFromHub', ['s3:DeleteObject'], `${places.hubArn}/*`),
    allow('Ledger', ['dynamodb:Query'], places.ledgerArn),
    // The record is read back before anything is removed.
    allow(
      'RecordRemovals',
      ['s3:PutObject', 's3:GetObject'],
      `${places.reportsArn}/${REPORT_PREFIX.removals}*`,
    ),
  ];
}

/** What the modes of the agent's folders need in the hub, and nothing beside its prefixes and its reserved keys. */
export function agentStatements(
  scope: Construct,
  { hubArn }: Pick<Places, 'hubArn'>,
  { name, folders, distribution }: AgentAccess,
): PolicyStatement[] {
  const reserved = [`${RESERVED.owners}*`, `${RESERVED.agents}${name}/*`];
  const objects = (end: string, wanted: (folder: FolderAccess) => boolean) =>
    folders.filter(wanted).map(({ prefix }) => `${hubArn}/${prefix}${end}`);
  const uploads = objects('*', ({ mode }) => mode !== 'receive');
  const mirrored = objects('*', ({ mode }) => mode === 'mirror');
  const received = objects('*', ({ mode }) => mode === 'receive');
  const removed = objects('*', ({ mode, deletes }) => mode === 'receive' || (mode === 'mirror' && deletes));
  // The prefix of a folder may go on below the one that is granted.
  const probes = objects(`*${PROBE_NAME}*`, () => true);
  return [
    new PolicyStatement({
      sid: 'ListOwn',
      actions: ['s3:ListBucket'],
      resources: [hubArn],
      // S3 also asks for ListBucket before it says that a key is absent, and such a request (HEAD, GET) has no prefix:
      // without IfExists it is a 403, which cannot be told from a refusal, and guessing there loses files. The price:
      // a listing that names no prefix shows the names in the hub, never a byte.
      // https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
      conditions: {
        StringLikeIfExists: { 's3:prefix': [...folders.map(({ prefix }) => `${prefix}*`), ...reserved] },
      },
    }),
    ...allowAll('Upload', UPLOAD, uploads),
    // There is no condition for the prefix; https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    ...allowAll('ListUploads', ['s3:ListBucketMultipartUploads'], uploads.length > 0 ? [hubArn] : []),
    // A rename is a copy, which carries tags, and is refused without these two when there are some.
    ...allowAll('Rename', ['s3:GetObjectTagging', 's3:PutObjectTagging'], mirrored),
    ...allowAll('Receive', ['s3:GetObject'], received),
    ...allowAll('Remove', ['s3:DeleteObject'], removed),
    // With these the agent finds out what the store can do, and leaves nothing behind.
    ...allowAll('Probe', PROBE, probes),
    ...allowAll(
      'OwnKeys',
      ['s3:GetObject', 's3:PutObject'],
      reserved.map((key) => `${hubArn}/${key}`),
    ),
    ...(distribution === undefined ? [] : [invalidate(scope, distribution)]),
  ];
}

/** ListBucket, because HEAD of an absent key is else a 403, which cannot be told from a refusal. */
function readHub({ hubArn }: Places): PolicyStatement[] {
  return [allow('ListHub', ['s3:ListBucket'], hubArn), allow('ReadHub', ['s3:GetObject'], `${hubArn}/*`)];
}

/** Secrets Manager ends each ARN with six characters of its own. */
function readSecret(scope: Construct, name: string): PolicyStatement {
  const arn = Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: `${name}-??????`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return allow('ReadCredentials', ['secretsmanager:GetSecretValue'], arn);
}

/** A distribution is of the account, not of a region. */
function invalidate(scope: Construct, distribution: string): PolicyStatement {
  const arn = Stack.of(scope).formatArn({
    service: 'cloudfront',
    region: '',
    resource: 'distribution',
    resourceName: distribution,
  });
  return allow('Invalidate', ['cloudfront:CreateInvalidation'], arn);
}

function allow(sid: string, actions: string[], resource: string): PolicyStatement {
  return new PolicyStatement({ sid, actions, resources: [resource] });
}

/** None where there is nothing to allow it on: a statement without resources is refused by IAM. */
function allowAll(sid: string, actions: string[], resources: string[]): PolicyStatement[] {
  return resources.length === 0 ? [] : [new PolicyStatement({ sid, actions, resources })];
}
