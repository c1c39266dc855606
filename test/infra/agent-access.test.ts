import { beforeAll, expect, test } from 'vitest';
import { grantedBy, resourceText, statementsOf, synthesise, type Template } from './template.ts';

const SETTINGS = {
  agents: [
    {
      name: 'site-a',
      folders: [
        { prefix: 'output/' },
        { prefix: 'input/', mode: 'receive' },
        { prefix: 'live/', mode: 'mirror' },
        { prefix: 'kept/', mode: 'mirror', deletes: false },
        { prefix: 'archive/', mode: 'append' },
      ],
      distribution: 'E1EXAMPLE',
    },
    { name: 'b', folders: [{ prefix: 'b/', mode: 'move' }] },
    { name: 'site-c', folders: [{ prefix: 'input/out/', mode: 'move' }] },
  ],
};

let template: Template;
beforeAll(() => {
  template = synthesise(SETTINGS);
}, 120_000);

const ofAgents = (one: Template) =>
  one.ofType('AWS::IAM::ManagedPolicy').filter(([id]) => id.startsWith('Agents'));

test('gives each agent exactly what the modes of its folders need, and leaves to people whom to attach it to', () => {
  const granted = Object.fromEntries(
    ofAgents(template).map(([id, { Properties }]) => {
      for (const attached of ['Users', 'Roles', 'Groups']) expect(Properties[attached]).toBeUndefined();
      return [id.replace(/[0-9A-F]{8}$/, ''), grantedBy(statementsOf(Properties.PolicyDocument))];
    }),
  );
  const list = ['s3:ListBucket', 's3:ListBucketMultipartUploads'];
  const own = ['s3:GetObject', 's3:PutObject'];
  const upload = ['s3:AbortMultipartUpload', 's3:GetObject', 's3:ListMultipartUploadParts', 's3:PutObject'];
  const probe = ['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:GetObject', 's3:PutObject'];
  const tags = ['s3:GetObjectTagging', 's3:PutObjectTagging'];
  expect(granted).toEqual({
    AgentssiteaPolicy: {
      'HubBucket.Arn': list,
      'HubBucket.Arn/output/*': upload,
      'HubBucket.Arn/output/*.sluice-probe-*': probe,
      'HubBucket.Arn/input/*': ['s3:DeleteObject', 's3:GetObject'],
      'HubBucket.Arn/input/*.sluice-probe-*': probe,
      'HubBucket.Arn/live/*': [...upload, ...tags, 's3:DeleteObject'].toSorted(),
      'HubBucket.Arn/live/*.sluice-probe-*': probe,
      'HubBucket.Arn/kept/*': [...upload, ...tags].toSorted(),
      'HubBucket.Arn/kept/*.sluice-probe-*': probe,
      'HubBucket.Arn/archive/*': upload,
      'HubBucket.Arn/archive/*.sluice-probe-*': probe,
      'HubBucket.Arn/.sluice/owners/*': own,
      'HubBucket.Arn/.sluice/agents/site-a/*': own,
      'AgentssiteaEventsQueue.Arn': [
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:DeleteMessageBatch',
        'sqs:GetQueueAttributes',
        'sqs:ReceiveMessage',
      ],
      'arn:AWS::Partition:cloudfront::AWS::AccountId:distribution/E1EXAMPLE': [
        'cloudfront:CreateInvalidation',
      ],
    },
    AgentsbPolicy: {
      'HubBucket.Arn': list,
      'HubBucket.Arn/b/*': upload,
      'HubBucket.Arn/b/*.sluice-probe-*': probe,
      'HubBucket.Arn/.sluice/owners/*': own,
      'HubBucket.Arn/.sluice/agents/b/*': own,
    },
    AgentssitecPolicy: {
      'HubBucket.Arn': list,
      'HubBucket.Arn/input/out/*': upload,
      'HubBucket.Arn/input/out/*.sluice-probe-*': probe,
      'HubBucket.Arn/.sluice/owners/*': own,
      'HubBucket.Arn/.sluice/agents/site-c/*': own,
    },
  });
});

test('lets an agent list its prefixes and reserved keys, and learn that a key is absent', () => {
  const conditions = template
    .ofType('AWS::IAM::ManagedPolicy')
    .flatMap(([, { Properties }]) => statementsOf(Properties.PolicyDocument))
    .filter(({ Action }) => Action.includes('s3:ListBucket'))
    .map(({ Condition }) => Condition);
  expect(conditions[1]).toEqual({
    StringLikeIfExists: { 's3:prefix': ['b/*', '.sluice/owners/*', '.sluice/agents/b/*'] },
  });
  for (const condition of conditions) expect(JSON.stringify(condition)).not.toContain('"*"');
});

test('gives a queue to the agents that receive, raw and without a function behind it', () => {
  expect(
    Object.keys(template.outputs)
      .filter((name) => name.startsWith('Agent'))
      .toSorted(),
  ).toEqual([
    'AgentBPolicyArn',
    'AgentSiteADlqUrl',
    'AgentSiteAPolicyArn',
    'AgentSiteAQueueUrl',
    'AgentSiteCPolicyArn',
  ]);
  const subscribed = template
    .ofType('AWS::SNS::Subscription')
    .filter(([id]) => id.startsWith('Agents'))
    .map(([, { Properties }]) => Properties);
  expect(subscribed).toHaveLength(1);
  expect(subscribed[0]).toMatchObject({ Protocol: 'sqs', RawMessageDelivery: true });
  const [queueId] = subscribed[0].Endpoint['Fn::GetAtt'];
  expect(template.resources[queueId]?.Properties).toMatchObject({
    SqsManagedSseEnabled: true,
    RedrivePolicy: { maxReceiveCount: 12 },
  });
  const mapped = template.ofType('AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => Properties);
  expect(JSON.stringify(mapped)).not.toContain(queueId);
});

test('fits twenty mirror folders into what IAM takes as a policy', () => {
  const folders = Array.from({ length: 20 }, (_, at) => ({ prefix: `department-${at}/`, mode: 'mirror' }));
  const [[, policy] = ['', undefined]] = ofAgents(synthesise({ agents: [{ name: 'site-a', folders }] }));
  const document = policy?.Properties.PolicyDocument;
  const statements = statementsOf(document).map((one) => ({
    ...one,
    Resource: one.Resource.map(resourceText),
  }));
  const text = JSON.stringify({ ...document, Statement: statements });
  const deployed = text.replaceAll('HubBucket.Arn', 'arn:aws:s3:::sluice-hub-123456789012-eu-central-1');
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  expect(deployed.length).toBeLessThan(6_144);
}, 120_000);
