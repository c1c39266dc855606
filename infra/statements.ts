/** Policy statements, each with a name, its actions written out, and the resources they are for. */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/** Secrets Manager ends each ARN with six characters of its own. */
export function readSecret(scope: Construct, sid: string, name: string | undefined): PolicyStatement[] {
  if (name === undefined) return [];
  const arn = Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: `${name}-??????`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return [allow(sid, ['secretsmanager:GetSecretValue'], arn)];
}

/**
 * To AWS a batch is so many SendMessage, and this allows nothing more; the emulator asks for it by its name.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
 */
export function sendTo(sid: string, queue: IQueue): PolicyStatement {
  return allow(sid, ['sqs:SendMessage', 'sqs:SendMessageBatch'], queue.queueArn);
}

/** A distribution is of the account, not of a region. */
export function invalidate(scope: Construct, distribution: string): PolicyStatement {
  const arn = Stack.of(scope).formatArn({
    service: 'cloudfront',
    region: '',
    resource: 'distribution',
    resourceName: distribution,
  });
  return allow('Invalidate', ['cloudfront:CreateInvalidation'], arn);
}

export function allow(sid: string, actions: string[], resource: string): PolicyStatement {
  return new PolicyStatement({ sid, actions, resources: [resource] });
}

/** None where there is nothing to allow it on: a statement without resources is refused by IAM. */
export function allowAll(sid: string, actions: string[], resources: string[]): PolicyStatement[] {
  return resources.length === 0 ? [] : [new PolicyStatement({ sid, actions, resources })];
}
