/** What an agent may do, written out by the modes of its folders. */
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { PROBE_NAME, RESERVED } from '#core/names.ts';
import type { AgentAccess, FolderAccess } from '#core/settings/agent-access.ts';
import { allowAll, invalidate } from './statements.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions */
const UPLOAD = ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];
const PROBE = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion'];

/** What the modes of the agent's folders need in the hub, and nothing beside its prefixes and its reserved keys. */
export function agentStatements(
  scope: Construct,
  { hubArn, kmsKeyArn }: { hubArn: string; kmsKeyArn?: string | undefined },
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
    ...allowAll('UseKey', ['kms:Decrypt', 'kms:GenerateDataKey'], kmsKeyArn === undefined ? [] : [kmsKeyArn]),
  ];
}
