import { Bucket } from 'aws-cdk-lib/aws-s3';
import { beforeAll, describe, expect, test } from 'vitest';
import { FULL_SETTINGS } from './full-settings.ts';
import { alarmsOfRunbook } from './runbook.ts';
import {
  grantedBy,
  resourceText,
  type Statement,
  statementsOf,
  synthesise,
  type Template,
} from './template.ts';

describe('the template', () => {
  let template: Template;
  beforeAll(() => {
    template = synthesise(FULL_SETTINGS);
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
      // X-Ray has no resources to name.
      if (Action.every((action) => action.startsWith('xray:'))) continue;
      expect(Resource.map(resourceText)).not.toContain('*');
    }
  });

  test('lets the topic send to a queue, and the hub publish to the topic, only from this account', () => {
    const services = allStatements().filter(
      ({ Effect, Principal }) =>
        Effect === 'Allow' && typeof Principal === 'object' && Principal !== null && 'Service' in Principal,
    );
    expect(services).toHaveLength(7);
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
    for (const [id, { Properties, DeletionPolicy }] of buckets) {
      // One with a name of its own that is left behind would be in the way of the next try.
      expect(DeletionPolicy).toBe(id.startsWith('Hub') ? 'RetainExceptOnCreate' : 'Retain');
      expect(Properties.VersioningConfiguration).toEqual({ Status: 'Enabled' });
      expect(JSON.stringify(Properties.BucketEncryption)).toContain('"SSEAlgorithm":"AES256"');
      expect(Object.values(Properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true]);
      expect(Properties.LifecycleConfiguration.Rules).toContainEqual(
        expect.objectContaining({
          AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
          Status: 'Enabled',
        }),
      );
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
    expect(targets).toHaveLength(11);
    expect(targets).not.toContain(undefined);
    expect(new Set(targets).size).toBe(11);
  });

  test('gives each consumer of events a raw subscription, and each function with a queue partial batch answers and six timeouts of visibility', () => {
    for (const [, { Properties }] of template.ofType('AWS::SNS::Subscription')) {
      if (Properties.Protocol === 'email') continue;
      expect(Properties).toMatchObject({ Protocol: 'sqs', RawMessageDelivery: true });
    }
    const told = template
      .ofType('AWS::SNS::Subscription')
      .filter(([, one]) => one.Properties.Protocol === 'sqs');
    expect(told).toHaveLength(6);

    const mappings = template.ofType('AWS::Lambda::EventSourceMapping');
    expect(mappings).toHaveLength(10);
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
      's3:LifecycleExpiration:*',
      's3:ObjectTagging:*',
      's3:ObjectAcl:Put',
    ]);
    const [[policyId] = []] = template.ofType('AWS::SNS::TopicPolicy');
    expect(hub?.DependsOn).toContain(policyId);
  });

  test('gives each function exactly what it uses', async () => {
    const granted = Object.fromEntries(
      template
        .ofType('AWS::Lambda::Function')
        .map(([id, { Properties }]) => [
          id.replace(/(?:Lambda)?Function[0-9A-F]{8}$/, ''),
          roleOf(template, Properties.Role),
        ]),
    );
    // One line an action: whoever reviews a change of it sees what a function may do from now on.
    await expect(`${JSON.stringify(granted, undefined, 2)}\n`).toMatchFileSnapshot(
      './snapshots/permissions.json',
    );
  });

  test('has the resources that were reviewed', async () => {
    const types: Record<string, string[]> = {};
    for (const [id, { Type }] of Object.entries(template.resources)) {
      types[Type] = [...(types[Type] ?? []), id.replace(/[0-9A-F]{8}$/, '')].toSorted();
    }
    const sorted = Object.fromEntries(Object.entries(types).toSorted());
    await expect(`${JSON.stringify(sorted, undefined, 2)}\n`).toMatchFileSnapshot(
      './snapshots/resources.json',
    );
  });

  test('tells of every dead letter, late queue, failing function and missing agent', () => {
    const alarms = template.ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);
    for (const alarm of alarms) {
      expect(alarm.AlarmActions).toHaveLength(1);
      expect(alarm.AlarmDescription).not.toBe('');
    }
    const queueOf = ({ Dimensions }: (typeof alarms)[number]) => Dimensions?.[0]?.Value?.['Fn::GetAtt']?.[0];
    const isOfQueue = /^(?:ApproximateNumberOfMessagesVisible|NumberOfMessagesSent)$/;
    const depths = alarms.filter(({ MetricName = '' }) => isOfQueue.test(MetricName));
    const deadLetters = template
      .ofType('AWS::SQS::Queue')
      .map(([id]) => id)
      // The queue of an agent is emptied by the agent, which says by its heartbeat that it lives.
      .filter((id) => /DeadLetters[0-9A-F]{8}$/.test(id) && !id.startsWith('Agents'));
    expect(depths.map(queueOf).toSorted()).toEqual(deadLetters.toSorted());
    const failing = alarms.filter(({ MetricName }) => MetricName === 'Errors');
    expect(failing).toHaveLength(template.ofType('AWS::Lambda::Function').length);
    const own = alarms
      .filter(({ Namespace }) => Namespace?.startsWith('Sluice/'))
      .map(({ MetricName }) => MetricName);
    expect(new Set(own)).toEqual(
      new Set(['DeletesHeld', 'DriftedKeys', 'ReportsFailed', 'HeartbeatsMissing', 'BreakerOpen']),
    );
  });

  test('has a row in docs/operations.md for every alarm, and no row for one that there is not', () => {
    // The path of the construct without slashes, then eight characters of the CDK's.
    const names = template
      .ofType('AWS::CloudWatch::Alarm')
      .map(([id]) => id.replace(/^.*?Alarms/, '').slice(0, -'00000000'.length));
    const rows = alarmsOfRunbook();
    expect(names.filter((name) => !rows.some((row) => row.test(name)))).toEqual([]);
    expect(rows.filter((row) => !names.some((name) => row.test(name)))).toEqual([]);
  });

  test('lets a paused destination wait, spares a slow one, and reconciles neither what is paused nor what is off', () => {
    const mapping = (name: string) =>
      template.ofType('AWS::Lambda::EventSourceMapping').find(([id]) => id.startsWith(name))?.[1].Properties;
    expect(mapping('MirrorOffSite')).toMatchObject({
      Enabled: false,
      ScalingConfig: { MaximumConcurrency: 4 },
    });
    expect(mapping('MirrorCopy')).toMatchObject({ Enabled: true, ScalingConfig: { MaximumConcurrency: 10 } });
    const schedules = template.ofType('AWS::Scheduler::Schedule').map(([id]) => id.replace(/Schedule.*/, ''));
    expect(schedules.toSorted()).toEqual(['Reconcile', 'ReconcileCopy', 'Retention', 'StateReport']);
  });

  test('delivers one key after the other, through a FIFO queue', () => {
    const [[, queue] = []] = template
      .ofType('AWS::SQS::Queue')
      .filter(([id]) => /^DeliverWorkQueue/.test(id));
    expect(queue?.Properties).toMatchObject({ FifoQueue: true });
  });

  test('gives each function code of its own entry, and no two entries the same', () => {
    const keyOf = (name: string) =>
      template.ofType('AWS::Lambda::Function').find(([id]) => id.startsWith(name))?.[1].Properties.Code.S3Key;
    const keys = [
      'EventReplay',
      'Deliver',
      'MirrorCopy',
      'Reconcile',
      'Invalidate',
      'Ingest',
      'StateReport',
      'Retention',
    ].map(keyOf);
    expect(new Set(keys).size).toBe(8);
    expect(keys).not.toContain(undefined);
    expect(keyOf('MirrorOffSite')).toBe(keyOf('MirrorCopy'));
  });

  test('names its outputs so that scripts can rely on them', () => {
    expect(Object.keys(template.outputs).toSorted()).toMatchInlineSnapshot(`
      [
        "AgentSiteDlqUrl",
        "AgentSitePolicyArn",
        "AgentSiteQueueUrl",
        "AlarmTopicArn",
        "Deliver",
        "DeliverDlqUrl",
        "DeliverQueueUrl",
        "EventReplay",
        "EventReplayDlqUrl",
        "EventReplayQueueUrl",
        "HubName",
        "Ingest",
        "IngestUrl",
        "Invalidate",
        "InvalidateDlqUrl",
        "InvalidateQueueUrl",
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
        "Reconcile",
        "ReconcileCopy",
        "ReconcileCopyDlqUrl",
        "ReconcileCopyQueueUrl",
        "ReconcileDlqUrl",
        "ReconcileKeepAll",
        "ReconcileKeepAllDlqUrl",
        "ReconcileKeepAllQueueUrl",
        "ReconcileOffSite",
        "ReconcileOffSiteDlqUrl",
        "ReconcileOffSiteQueueUrl",
        "ReconcileQueueUrl",
        "ReportsName",
        "Retention",
        "SchedulesDlqUrl",
        "StateReport",
        "Timezone",
        "TopicArn",
      ]
    `);
  });
});

test('a finding of cdk-nag stops the synth', () => {
  expect(() => synthesise({}, (stack) => new Bucket(stack, 'Careless'))).toThrow('AwsSolutions-S10');
}, 120_000);

test('settings that no function can be given are refused before anything is deployed', () => {
  const retention = Array.from({ length: 40 }, (_, at) => ({
    name: `department-${at}`,
    prefix: `department-${at}/`,
    olderThan: '90d',
    requires: 'nothing',
  }));
  expect(() => synthesise({ retention })).toThrow(
    /retention-cleanup: its settings have \d{4} characters, .* holds 4096; most are in SLUICE_RETENTION/,
  );
});

test('without retention rules nothing can delete from the hub, and destroy deletes data only when asked', () => {
  const template = synthesise({ removal: 'destroy' });
  expect(template.ofType('AWS::Scheduler::Schedule')).toHaveLength(2);
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
