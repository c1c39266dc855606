/** Why a cdk-nag rule does not apply. Each finding is named exactly: a new wildcard is a new finding. */
import { Stack } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

export const ACCESS_LOG_REASON =
  'Who may read and write is a handful of written-out roles; where object access must be audited, CloudTrail data events do it for the whole account, without a bucket of logs that nobody reads.';

export const TRACES_KNOWN = {
  id: 'AwsSolutions-IAM5[Resource::*]',
  reason:
    'X-Ray has no resources to name: its two actions can only be allowed on all, and only write traces.',
};

const OBJECTS_REASON =
  'Objects can only be named by a wildcard: this is one bucket, below the narrowest prefix that the function works on, with the actions written out. A stack that is asked for by its name is named without its id.';

/** `bucket/prefix*`, and the probes at any depth below it. */
const OBJECTS = /^[^*]+\/[^*]*\*(?:\.sluice-probe-\*)?$/;

/** The findings for resources that name objects by their prefix; any other wildcard stays a finding. */
export function objectWildcards(
  scope: IConstruct,
  statements: readonly PolicyStatement[],
): { id: string; reason: string }[] {
  const resources = statements.flatMap((statement) => statement.resources);
  return [...new Set(resources.map((resource) => findingText(Stack.of(scope).resolve(resource))))]
    .filter((text) => OBJECTS.test(text))
    .map((text) => ({ id: `AwsSolutions-IAM5[Resource::${text}]`, reason: OBJECTS_REASON }));
}

/** A resolved value as cdk-nag writes it: `<LogicalId.Arn>/*`. */
function findingText(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, argument] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
  if (name === 'Ref') return `<${String(argument)}>`;
  if (name === 'Fn::GetAtt') return `<${(argument as string[]).join('.')}>`;
  if (name === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map(findingText).join(separator);
  }
  return JSON.stringify(value);
}
