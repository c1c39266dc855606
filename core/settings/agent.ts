/** `agent.yaml`: what one host does. */
import * as z from 'zod';
import { bucketSchema, problemsOfBuckets } from './agent-buckets.ts';
import { deleteGuard, name } from './destination.ts';
import { durationMs } from './duration.ts';
import { absolutePath, credentialFields } from './host-credentials.ts';
import { keyPrefix, overlaps } from './key-prefix.ts';
import { httpUrl } from './store-place.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
/** Timers count milliseconds in 31 bits, and what should happen at least daily need not be rarer. */
const upToADay = durationMs.check(z.refine((ms) => ms <= DAY_MS, { error: 'a duration of at most 24h' }));

const folderSchema = z.strictObject({
  name: name.check(z.describe('Of the folder, in logs, metrics and commands.')),
  path: absolutePath.describe('The local directory. Paths of two folders may not contain each other.'),
  prefix: keyPrefix.describe('Keys start with it; `output/` puts `a.txt` at `output/a.txt`.'),
  mode: z
    .enum(['move', 'mirror', 'append', 'receive'])
    .default('move')
    .describe(
      '`move`: upload, verify, remove locally. `mirror`: the bucket follows the folder, deletes included. `append`: only what the bucket does not have. `receive`: download, verify, remove from the bucket.',
    ),
  schedule: z
    .union(
      [
        z.enum(['close', 'once']),
        z.strictObject({ every: durationMs.check(z.describe('Time between passes.')) }),
      ],
      {
        error: 'close, once, or every: with a duration such as 5m',
      },
    )
    .prefault('close')
    .describe(
      '`close`: when a writer has closed the file. `once`: one pass and no watching. Or a pass at an interval.',
    ),
  watch: z
    .enum(['auto', 'fanotify', 'inotify', 'polling'])
    .default('auto')
    .describe(
      'How a change is noticed. `auto`: inotify, fanotify with its capabilities beyond 8,192 directories, else polling.',
    ),
  settle: z
    .prefault(upToADay, '2s')
    .describe(
      'How long a file must be unchanged where the filesystem has no leases (NFS, FUSE, files of other users).',
    ),
  ignore: z.array(z.string().min(1)).default([]).describe('Patterns in the syntax of .gitignore.'),
  ignoreTemporary: z
    .boolean()
    .default(true)
    .describe('Also ignore hidden names, `*.tmp`, `*.swp`, `*~` and `*.tmp.*`.'),
  minBytes: z.int().min(0).default(0).describe('Smaller files are left alone, visibly.'),
  maxBytes: z.int().min(0).optional().describe('Larger files are left alone, visibly.'),
  symlinks: z
    .enum(['skip', 'follow'])
    .default('skip')
    .describe('`follow`: upload what the link points to, if that is a regular file inside the folder.'),
  metadata: z
    .boolean()
    .default(true)
    .describe('Whether mtime, mode, uid and gid travel as metadata, and are restored by `receive`.'),
  storageClass: z.string().min(1).optional().describe("Absent: the bucket's."),
  encryption: z
    .strictObject({
      type: z.enum(['AES256', 'aws:kms']).describe('What the store is asked for.'),
      keyId: z.string().min(1).optional().describe('Of the KMS key.'),
    })
    .optional()
    .describe('What the store encrypts with; absent: what the bucket does by itself.'),
  compare: z
    .enum(['presence', 'size', 'mtime', 'content'])
    .default('content')
    .describe('`append`: what an object must have in common with the file to count as uploaded.'),
  deletes: z.boolean().default(true).describe('`mirror`: whether a file that goes is deleted in the bucket.'),
  guard: deleteGuard.check(
    z.describe('`mirror`: more deletes than this within the window wait for `sluice-agent approve-deletes`.'),
  ),
  marker: z
    .string()
    .regex(/^[^/\0]{1,255}$/, { error: 'a file name' })
    .optional()
    .describe('`append`: name of the file written into each directory that is completely in the bucket.'),
  interval: z
    .prefault(upToADay, '30s')
    .describe('`receive`: how often the prefix is listed, beside what the queue tells.'),
  retention: z
    .strictObject({
      olderThan: durationMs.check(z.describe('Counted from the last change of the file.')),
      expireUnsynced: z.boolean().default(false).describe('Also what the bucket does not hold.'),
    })
    .optional()
    .describe('What age removes from the folder.'),
});

export const agentSettings = z
  .strictObject({
    name: z.optional(name).describe("Absent: the host's name."),
    store: z
      .strictObject({
        bucket: z.string().min(1, { error: 'the name of the hub bucket' }).describe('The hub.'),
        region: z.string().default('us-east-1').describe('Of the bucket; signatures name it.'),
        endpoint: z.optional(httpUrl).describe('Absent: AWS.'),
        addressing: z
          .enum(['path', 'virtual'])
          .default('path')
          .describe('`path`: the bucket is in the path of URLs; `virtual`: in the host name.'),
        ...credentialFields,
        checksum: z
          .enum(['auto', 'crc32', 'md5'])
          .default('auto')
          .describe(
            'What the store is asked to check beside MD5; `auto`: CRC-32 where the store was seen to check it.',
          ),
      })
      .optional()
      .describe('Needed with folders; `buckets` name their own stores.'),
    stateDirectory: absolutePath.default('/var/lib/sluice').describe('Where the agent keeps its index.'),
    folders: z.array(folderSchema).prefault([]).describe('Each belongs to one prefix of the bucket.'),
    buckets: z
      .array(bucketSchema)
      .prefault([])
      .describe('Stores that this host mirrors to others, because the cloud cannot reach them.'),
    rescan: z
      .prefault(upToADay, '5m')
      .describe('How often the tree is compared with the index, for what events do not tell.'),
    queue: z
      .optional(httpUrl)
      .describe("URL of the SQS queue that tells of new objects for `receive`; the stack's output."),
    exclusive: z.boolean().default(true).describe('One agent per prefix, by an owner object in the bucket.'),
    heartbeat: z
      .union([z.literal('off'), upToADay])
      .prefault('5m')
      .describe('How often the agent says in the bucket that it lives; `off` for never.'),
    cdn: z
      .strictObject({
        distribution: z.string().min(1).describe('Its id.'),
        window: z.prefault(upToADay, '10s').describe('Changes are collected that long.'),
        endpoint: z.optional(httpUrl).describe('URL of another CloudFront, for tests.'),
      })
      .optional()
      .describe('CloudFront distribution whose paths are invalidated when their objects change.'),
    status: z
      .strictObject({
        listen: z
          .string()
          .regex(/^(?:\/.+|(?:127\.0\.0\.1|localhost|\[::1\]):\d{1,5})$/, {
            error: 'the path of a unix socket, or 127.0.0.1:PORT',
          })
          .describe('Path of a unix socket, or 127.0.0.1:PORT, which every user of the host can read.'),
      })
      .optional()
      .describe('Status page, /metrics and /healthz; absent: a unix socket in the state directory.'),
    limits: z
      .strictObject({
        concurrency: z.int().min(1).max(256).default(128).describe('Files in flight at once, at most.'),
        partBytes: z
          .int()
          .min(5 * MIB)
          .default(8 * MIB)
          .describe('Files up to this size are sent whole, larger ones in parts of it.'),
        partsAtOnce: z
          .int()
          .min(1)
          .max(64)
          .default(8)
          .describe('Parts in flight at once, over all files; they bound the memory.'),
        bandwidth: z
          .int()
          .min(1024)
          .optional()
          .describe('Bytes a second, up and down together; absent: no limit.'),
        minFreeBytes: z
          .int()
          .min(0)
          .default(64 * MIB)
          .describe('`receive` waits while the filesystem has less than this free.'),
      })
      .prefault({})
      .describe('What the agent may use.'),
    log: z
      .strictObject({
        level: z
          .enum(['DEBUG', 'INFO', 'WARN', 'ERROR'])
          .default('INFO')
          .describe('Lines below it are not written.'),
        format: z
          .enum(['readable', 'json'])
          .default('readable')
          .describe('`json`: one object a line, for jq and log collectors.'),
        timezone: z
          .string()
          .refine(isTimezone, { error: 'a time zone such as Europe/Berlin' })
          .optional()
          .describe("IANA name; absent: the host's."),
      })
      .prefault({})
      .describe('Of standard output.'),
  })
  .superRefine(
    ({ folders }, context) =>
      context.addIssue({
        code: 'custom',
        path: ['folders'],
        message: 'at least one folder, or buckets',
        input: folders,
      }),
    // Said beside what is wrong with the rest.
    { when: ({ value }) => hasNothingToDo(value) },
  )
  .superRefine(({ store, folders, buckets }, context) => {
    const problem = (path: (string | number)[], message: string, input: unknown) =>
      context.addIssue({ code: 'custom', path, message, input });
    if (folders.length > 0 && store === undefined) {
      problem(['store'], 'the store of the folders: at least its bucket', store);
    }
    for (const { path, expected, found } of problemsOfBuckets(buckets, { store, folders })) {
      problem(['buckets', ...path], expected, found);
    }
    for (const [index, one] of folders.entries()) {
      for (const { key, expected } of misplaced(one)) {
        context.addIssue({
          code: 'custom',
          path: ['folders', index, key],
          message: expected,
          input: one[key],
        });
      }
      for (const other of folders.slice(0, index)) {
        const found = (key: 'name' | 'path' | 'prefix', overlap: boolean) => {
          if (!overlap) return;
          context.addIssue({
            code: 'custom',
            path: ['folders', index, key],
            message: `a ${key} that does not overlap with ${other[key] === '' ? 'the empty one' : other[key]} of folder ${other.name}`,
            input: one[key],
          });
        };
        found('name', one.name === other.name);
        found('path', overlaps(withSlash(one.path), withSlash(other.path)));
        found('prefix', overlaps(one.prefix, other.prefix));
      }
    }
  });

/** What the file says; `AgentSettings` once it is known to name the store of the folders. */
export type HostSettings = z.output<typeof agentSettings>;
export type AgentSettings = Omit<HostSettings, 'store'> & { store: NonNullable<HostSettings['store']> };
export type FolderSettings = HostSettings['folders'][number];

/** The settings for the part of the agent that has a store to work with; `undefined` when there is none. */
export function folderSettings({ store, ...settings }: HostSettings): AgentSettings | undefined {
  return store === undefined ? undefined : { ...settings, store };
}

/** Settings that the mode would not follow, or that would contradict it. */
function misplaced(folder: z.output<typeof folderSchema>): { key: keyof typeof folder; expected: string }[] {
  const { mode, retention, marker, symlinks, schedule } = folder;
  return [
    ...(mode === 'mirror' && retention !== undefined
      ? [
          {
            key: 'retention',
            expected: 'none in mode mirror: the bucket would follow, and lose what age removes',
          } as const,
        ]
      : []),
    ...(mode !== 'append' && marker !== undefined
      ? [{ key: 'marker', expected: 'none: markers are for mode append' } as const]
      : []),
    ...(mode === 'move' && symlinks === 'follow'
      ? [
          {
            key: 'symlinks',
            expected: 'skip in mode move: the target would stay or go with the link',
          } as const,
        ]
      : []),
    ...(mode === 'receive' && typeof schedule === 'object'
      ? [{ key: 'schedule', expected: 'interval: how often the prefix is listed in mode receive' } as const]
      : []),
  ];
}

function hasNothingToDo(value: unknown): boolean {
  return z.object({ folders: z.tuple([]), buckets: z.tuple([]) }).safeParse(value).success;
}

function withSlash(path: string): string {
  return `${path.replace(/\/+$/, '')}/`;
}

function isTimezone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}
