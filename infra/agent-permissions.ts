/** What an agent may do, written out by the modes of its folders. */
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { PROBE_NAME, RESERVED } from '#core/names.ts';
import type { AgentAccess, FolderAccess } from '#core/settings/agent-access.ts';
import { allowAll, invalidate } from './statements.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions */
const UPLOAD = ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];
/** A rename is a copy, which carries tags, and is refused without these two when there are some. */
const MIRROR = [...UPLOAD, 's3:GetObjectTagging', 's3:PutObjectTagging'];
/**
 * A folder is in one of these alone: a policy has 6,144 characters, of which each ARN takes some seventy.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
const BY_MODE: { sid: string; actions: string[]; of: (folder: FolderAccess) => boolean }[] = [
  { sid: 'Upload', actions: UPLOAD, of: ({ mode }) => mode === 'move' || mode === 'append' },
  { sid: 'Mirror', actions: MIRROR, of: ({ mode, deletes }) => mode === 'mirror' && !deletes },
  {
    sid: 'MirrorDeletes',
    actions: [...MIRROR, 's3:DeleteObject'],
    of: ({ mode, deletes }) => mode === 'mirror' && deletes,
  },
  { sid: 'Receive', actions: ['s3:GetObject', 's3:DeleteObject'], of: ({ mode }) => mode === 'receive' },
];
const PROBE = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion'];

/** What the modes of the agent's folders need in the hub, and nothing beside its prefixes and its reserved keys. */
export function agentStatements(
  scope: Construct,
  { hubArn, kmsKeyArn }: { hubArn: string; kmsKeyArn?: string | undefined },
  { name, folders, distribution }: AgentAccess,
): PolicyStatement[] {
  const reserved = [`${RESERVED.owners}*`, `${RESERVED.agents}${name}/*`];
  const below = ({ prefix }: FolderAccess, end: string) => `${hubArn}/${prefix}${end}`;
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
    ...BY_MODE.flatMap(({ sid, actions, of }) =>
      allowAll(
        sid,
        actions,
        folders.filter(of).map((folder) => below(folder, '*')),
      ),
    ),
    // There is no condition for the prefix; https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    ...allowAll(
      'ListUploads',
      ['s3:ListBucketMultipartUploads'],
      folders.some(({ mode }) => mode !== 'receive') ? [hubArn] : [],
    ),
    // With these the agent finds out what the store can do, and leaves nothing behind.
    // The prefix of a folder may go on below the one that is granted.
    ...allowAll(
      'Probe',
      PROBE,
      folders.map((folder) => below(folder, `*${PROBE_NAME}*`)),
    ),
    ...allowAll(
      'OwnKeys',
      ['s3:GetObject', 's3:PutObject'],
      reserved.map((key) => `${hubArn}/${key}`),
    ),
    ...(distribution === undefined ? [] : [invalidate(scope, distribution)]),
    ...allowAll('UseKey', ['kms:Decrypt', 'kms:GenerateDataKey'], kmsKeyArn === undefined ? [] : [kmsKeyArn]),
  ];
}
