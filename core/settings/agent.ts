/** `agent.yaml`: what one host does. */
import * as z from 'zod';
import { bucketSchema, problemsOfBuckets } from './agent-buckets.ts';
import { folderSchema, problemsOfFolders } from './agent-folder.ts';
import { name } from './destination.ts';
import { upToADay } from './duration.ts';
import { absolutePath, credentialFields } from './host-credentials.ts';
import { existingBucket, hasPort, httpUrl, isBucketInUrl, URL_WITHOUT_BUCKET } from './store-place.ts';
import { isSound, soundItems, WHATEVER_IS_WRONG } from './without-faults.ts';

const MIB = 1024 * 1024;
const A_LISTEN_ADDRESS = 'the path of a unix socket, or 127.0.0.1:PORT';

export const agentSettings = z
  .strictObject({
    name: z.optional(name).describe("Absent: the host's name."),
    store: z
      .strictObject({
        bucket: existingBucket.check(z.describe('The hub.')),
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
      .union([z.literal('off'), upToADay], { error: 'off, or a duration such as 5m, at most 24h' })
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
            error: A_LISTEN_ADDRESS,
          })
          .refine((listen) => listen.startsWith('/') || hasPort(listen), { error: A_LISTEN_ADDRESS })
          .describe('Path of a unix socket, or 127.0.0.1:PORT, which every user of the host can read.'),
      })
      .optional()
      .describe('Status page, /metrics and /healthz; absent: a unix socket in the state directory.'),
    limits: z
      .strictObject({
        concurrency: z.int().min(1).max(256).default(64).describe('Files in flight at once, at most.'),
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
  .superRefine((settings, context) => {
    const issues = [...context.issues];
    const problem = (path: (string | number)[], message: string, input: unknown) =>
      context.addIssue({ code: 'custom', path, message, input });
    const store = isSound(issues, ['store']) ? settings.store : undefined;
    const folders = soundItems(issues, 'folders', settings.folders);
    const buckets = soundItems(issues, 'buckets', settings.buckets);
    const hasFolders = Array.isArray(settings.folders) && settings.folders.length > 0;
    if (hasFolders && settings.store === undefined) {
      problem(['store'], 'the store of the folders: at least its bucket', undefined);
    }
    if (store !== undefined && isBucketInUrl(store)) {
      problem(['store', 'endpoint'], URL_WITHOUT_BUCKET, store.endpoint);
    }
    const beside = { store, folders: folders.items };
    for (const { path, expected, found } of problemsOfBuckets(buckets.items, beside)) {
      problem(['buckets', buckets.indexOf(path[0]), ...path.slice(1)], expected, found);
    }
    for (const { path, expected, found } of problemsOfFolders(folders.items)) {
      problem(['folders', folders.indexOf(path[0]), ...path.slice(1)], expected, found);
    }
  }, WHATEVER_IS_WRONG);

/** What the file says; `AgentSettings` once it is known to name the store of the folders. */
export type HostSettings = z.output<typeof agentSettings>;
export type AgentSettings = Omit<HostSettings, 'store'> & { store: NonNullable<HostSettings['store']> };
export type FolderSettings = HostSettings['folders'][number];

/** The settings for the part of the agent that has a store to work with; `undefined` when there is none. */
export function folderSettings({ store, ...settings }: HostSettings): AgentSettings | undefined {
  return store === undefined ? undefined : { ...settings, store };
}

function hasNothingToDo(value: unknown): boolean {
  return z.object({ folders: z.tuple([]), buckets: z.tuple([]) }).safeParse(value).success;
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
