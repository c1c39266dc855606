/**
 * What each function may do, written out: grant* helpers give more than is used. test/infra asserts these lists on
 * the template, and the end-to-end suite runs with the emulator enforcing them.
 */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { REPORT_PREFIX } from '#core/names.ts';
import type { Destination } from '#core/settings/deployment.ts';

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

function allow(sid: string, actions: string[], resource: string): PolicyStatement {
  return new PolicyStatement({ sid, actions, resources: [resource] });
}
