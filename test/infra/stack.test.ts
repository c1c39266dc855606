import { Bucket } from 'aws-cdk-lib/aws-s3';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  grantedBy,
  resourceText,
  type Statement,
  statementsOf,
  synthesise,
  type Template,
} from './template.ts';

const SETTINGS = {
  destinations: [
    { name: 'copy', bucket: 'somewhere-else', prefix: 'hub/' },
    { name: 'keep-all', bucket: 'an-archive', deletes: false },
    {
      name: 'off-site',
      bucket: 'far-away',
      endpoint: 'https://s3.example.org',
      credentials: 'sluice/off-site',
    },
  ],
  agents: [{ name: 'site', folders: [{ prefix: 'input/', mode: 'receive' }] }],
  retention: [{ name: 'old', olderThan: '30d', requires: 'nothing' }],
};

describe('the template', () => {
  let template: Template;
  beforeAll(() => {
    template = synthesise(SETTINGS);
  }, 120_000);

  /** Statements of the roles and of the queues', topic's and buckets' own policies. */
  const allStatements = (): Statement[] => [
    ...template
      .ofType('AWS::IAM::Role')
      .flatMap(([, { Properties }]) =>
        (Properties.Policies ?? []).flatMap((policy: { PolicyDocument: unknown }) =>
          statementsOf(policy.PolicyDocument),
        ),
      ),
    ...[
      'AWS::SQS::QueuePolicy',
      'AWS::SNS::TopicPolicy',
      'AWS::S3::BucketPolicy',
      'AWS::IAM::Policy',
      'AWS::IAM::ManagedPolicy',
    ].flatMap((type) =>
      template.ofType(type).flatMap(([, { Properties }]) => statementsOf(Properties.PolicyDocument)),
    ),
  ];

  test('allows no action by a wildcard and nothing on all resources', () => {
    const allowed = allStatements().filter(({ Effect }) => Effect === 'Allow');
    expect(allowed.length).toBeGreaterThan(20);
    for (const { Action, Resource } of allowed) {
      expect(Action.filter((action) => action.includes('*'))).toEqual([]);
      expect(Resource.map(resourceText)).not.toContain('*');
    }
  });

  test('lets the topic send to a queue, and the hub publish to the topic, only from this account', () => {
    const services = allStatements().filter(
      ({ Effect, Principal }) =>
        Effect === 'Allow' && typeof Principal === 'object' && Principal !== null && 'Service' in Principal,
    );
    expect(services).toHaveLength(6);
    for (const { Condition } of services) {
      expect(Condition?.ArnEquals).toHaveProperty(['aws:SourceArn']);
      expect(Condition?.StringEquals).toEqual({ 'aws:SourceAccount': { Ref: 'AWS::AccountId' } });
    }
  });

  test.each([
    ['AWS::S3::Bucket', 'AWS::S3::BucketPolicy', 'Bucket'],
    ['AWS::SQS::Queue', 'AWS::SQS::QueuePolicy', 'Queues'],
    ['AWS::SNS::Topic', 'AWS::SNS::TopicPolicy', 'Topics'],
  ])('refuses every %s without TLS', (type, policyType, property) => {
    const refused = template
      .ofType(policyType)
      .filter(([, { Properties }]) =>
        statementsOf(Properties.PolicyDocument).some(
          ({ Effect, Condition }) =>
            Effect === 'Deny' && Condition?.Bool?.['aws:SecureTransport'] === 'false',
        ),
      )
      .flatMap(([, { Properties }]) => [Properties[property]].flat())
      .map((reference) => reference.Ref);
    expect(refused.toSorted()).toEqual(
      template
        .ofType(type)
        .map(([id]) => id)
        .toSorted(),
    );
  });

  test('encrypts, versions and closes every bucket, and keeps data when the stack goes', () => {
    const buckets = template.ofType('AWS::S3::Bucket');
    expect(buckets).toHaveLength(2);
    for (const [, { Properties, DeletionPolicy }] of buckets) {
      expect(DeletionPolicy).toBe('Retain');
      expect(Properties.VersioningConfiguration).toEqual({ Status: 'Enabled' });
      expect(JSON.stringify(Properties.BucketEncryption)).toContain('"SSEAlgorithm":"AES256"');
      expect(Object.values(Properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true]);
      expect(Properties.LifecycleConfiguration.Rules).toContainEqual({
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
        Status: 'Enabled',
      });
    }
    const [[, table] = []] = template.ofType('AWS::DynamoDB::Table');
    expect(table).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        TimeToLiveSpecification: { AttributeName: 'expiresAtSec', Enabled: true },
      },
    });
  });

  test('gives every queue that is no dead-letter queue one of its own, and encrypts all of them', () => {
    const queues = template.ofType('AWS::SQS::Queue');
    for (const [, { Properties }] of queues) expect(Properties.SqsManagedSseEnabled).toBe(true);
    const targets = queues
      .filter(([id]) => !/DeadLetters[0-9A-F]{8}$/.test(id))
      .map(([, { Properties }]) => Properties.RedrivePolicy?.deadLetterTargetArn['Fn::GetAtt'][0]);
    expect(targets).toHaveLength(5);
    expect(targets).not.toContain(undefined);
    expect(new Set(targets).size).toBe(5);
  });

  test('gives each consumer a raw subscription, partial batch answers and six timeouts of visibility', () => {
    for (const [, { Properties }] of template.ofType('AWS::SNS::Subscription')) {
      expect(Properties).toMatchObject({ Protocol: 'sqs', RawMessageDelivery: true });
    }
    expect(template.ofType('AWS::SNS::Subscription')).toHaveLength(5);
    const mappings = template.ofType('AWS::Lambda::EventSourceMapping');
    expect(mappings).toHaveLength(4);
    for (const [, { Properties }] of mappings) {
      expect(Properties.FunctionResponseTypes).toEqual(['ReportBatchItemFailures']);
      const target = template.resources[Properties.FunctionName.Ref];
      const queue = template.resources[Properties.EventSourceArn['Fn::GetAtt'][0]];
      expect(queue?.Properties.VisibilityTimeout).toBeGreaterThanOrEqual(6 * target?.Properties.Timeout);
    }
  });

  test('tells the topic of what is created, removed and restored, once the topic allows it', () => {
    const [[, hub] = []] = template.ofType('AWS::S3::Bucket').filter(([id]) => id.startsWith('Hub'));
    const told = hub?.Properties.NotificationConfiguration.TopicConfigurations;
    expect(told.map(({ Event }: { Event: string }) => Event)).toEqual([
      's3:ObjectCreated:*',
      's3:ObjectRemoved:*',
      's3:ObjectRestore:Completed',
    ]);
    const [[policyId] = []] = template.ofType('AWS::SNS::TopicPolicy');
    expect(hub?.DependsOn).toContain(policyId);
  });

  test('gives each function exactly what it uses', () => {
    const granted = Object.fromEntries(
      template
        .ofType('AWS::Lambda::Function')
        .map(([id, { Properties }]) => [
          id.replace(/Function[0-9A-F]{8}$/, ''),
          roleOf(template, Properties.Role),
        ]),
    );
    const logs = (name: string) => ({
      [`${name}Logs.Arn`]: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    });
    const consume = (name: string) => ({
      [`${name}Queue.Arn`]: [
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:ReceiveMessage',
      ],
    });
    const readHub = { 'HubBucket.Arn': ['s3:ListBucket'], 'HubBucket.Arn/*': ['s3:GetObject'] };
    const ledger = { 'LedgerTable.Arn': ['dynamodb:UpdateItem'] };
    const deadLetters = { 'ScheduleDeadLetters.Arn': ['sqs:SendMessage'] };
    const write = ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject', 's3:PutObjectTagging'];
    expect(granted).toEqual({
      EventReplay: {
        ...logs('EventReplay'),
        ...consume('LedgerEvents'),
        ...readHub,
        'LedgerTable.Arn': ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
      },
      MirrorCopy: {
        ...logs('MirrorCopy'),
        ...consume('MirrorCopyEvents'),
        ...ledger,
        'HubBucket.Arn': ['s3:ListBucket'],
        'HubBucket.Arn/*': ['s3:GetObject', 's3:GetObjectTagging'],
        'arn:AWS::Partition:s3:::somewhere-else': ['s3:ListBucket'],
        'arn:AWS::Partition:s3:::somewhere-else/hub/*': [...write, 's3:DeleteObject'].toSorted(),
      },
      MirrorKeepAll: {
        ...logs('MirrorKeepAll'),
        ...consume('MirrorKeepAllEvents'),
        ...ledger,
        'HubBucket.Arn': ['s3:ListBucket'],
        'HubBucket.Arn/*': ['s3:GetObject', 's3:GetObjectTagging'],
        'arn:AWS::Partition:s3:::an-archive': ['s3:ListBucket'],
        'arn:AWS::Partition:s3:::an-archive/*': write,
      },
      MirrorOffSite: {
        ...logs('MirrorOffSite'),
        ...consume('MirrorOffSiteEvents'),
        ...readHub,
        ...ledger,
        'arn:AWS::Partition:secretsmanager:AWS::Region:AWS::AccountId:secret:sluice/off-site-??????': [
          'secretsmanager:GetSecretValue',
        ],
      },
      StateReport: {
        ...logs('StateReport'),
        ...deadLetters,
        'LedgerTable.Arn': ['dynamodb:Query'],
        'ReportsBucket.Arn/state/*': ['s3:AbortMultipartUpload', 's3:PutObject'],
      },
      Retention: {
        ...logs('Retention'),
        ...deadLetters,
        'HubBucket.Arn': ['s3:ListBucket'],
        'HubBucket.Arn/*': ['s3:DeleteObject', 's3:GetObject'],
        'LedgerTable.Arn': ['dynamodb:Query'],
        'ReportsBucket.Arn/removals/*': ['s3:GetObject', 's3:PutObject'],
      },
    });
  });

  test('gives each function code of its own entry, and no two entries the same', () => {
    const keyOf = (name: string) =>
      template.ofType('AWS::Lambda::Function').find(([id]) => id.startsWith(name))?.[1].Properties.Code.S3Key;
    const keys = ['EventReplay', 'MirrorCopy', 'StateReport', 'Retention'].map(keyOf);
    expect(new Set(keys).size).toBe(4);
    expect(keyOf('MirrorOffSite')).toBe(keyOf('MirrorCopy'));
  });

  test('names its outputs so that scripts can rely on them', () => {
    expect(Object.keys(template.outputs).toSorted()).toMatchInlineSnapshot(`
      [
        "AgentSiteDlqUrl",
        "AgentSitePolicyArn",
        "AgentSiteQueueUrl",
        "EventReplay",
        "EventReplayDlqUrl",
        "EventReplayQueueUrl",
        "HubName",
        "LedgerName",
        "MirrorCopy",
        "MirrorCopyDlqUrl",
        "MirrorCopyQueueUrl",
        "MirrorKeepAll",
        "MirrorKeepAllDlqUrl",
        "MirrorKeepAllQueueUrl",
        "MirrorOffSite",
        "MirrorOffSiteDlqUrl",
        "MirrorOffSiteQueueUrl",
        "ReportsName",
        "Retention",
        "SchedulesDlqUrl",
        "StateReport",
        "TopicArn",
      ]
    `);
  });
});

test('a finding of cdk-nag stops the synth', () => {
  expect(() => synthesise({}, (stack) => new Bucket(stack, 'Careless'))).toThrow('AwsSolutions-S10');
}, 120_000);

test('without retention rules nothing can delete from the hub, and destroy deletes data only when asked', () => {
  const template = synthesise({ removal: 'destroy' });
  expect(template.ofType('AWS::Scheduler::Schedule')).toHaveLength(1);
  expect(JSON.stringify(template.ofType('AWS::IAM::Role'))).not.toContain('s3:DeleteObject');
  for (const [, { DeletionPolicy }] of template.ofType('AWS::S3::Bucket'))
    expect(DeletionPolicy).toBe('Delete');
}, 120_000);

/** What a function's role may do. */
function roleOf(template: Template, role: { 'Fn::GetAtt': [string] }): Record<string, string[]> {
  const properties = template.resources[role['Fn::GetAtt'][0]]?.Properties;
  expect(properties.ManagedPolicyArns).toBeUndefined();
  return grantedBy(
    properties.Policies.flatMap((policy: { PolicyDocument: unknown }) => statementsOf(policy.PolicyDocument)),
  );
}
