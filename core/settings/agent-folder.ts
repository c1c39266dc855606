/** One folder of `agent.yaml`, and what must not be so among several. */
import * as z from 'zod';
import { deleteGuard, name } from './destination.ts';
import { durationMs, upToADay } from './duration.ts';
import { absolutePath } from './host-credentials.ts';
import { keyPrefix, overlaps } from './key-prefix.ts';

export const folderSchema = z.strictObject({
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
      'How a change is noticed. `auto`: inotify up to 8,192 directories; beyond, fanotify where it is allowed, else inotify as well; polling where neither works.',
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
    .describe(
      'Whether mtime, ctime, mode, uid and gid travel as metadata; `receive` restores all but ctime.',
    ),
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

type Folder = z.output<typeof folderSchema>;

/** What is wrong with the folders, each path beginning with the index of one. */
export function problemsOfFolders(
  folders: readonly Folder[],
): { path: (string | number)[]; expected: string; found: unknown }[] {
  return folders.flatMap((one, index) => [
    ...misplaced(one).map(({ key, expected }) => ({ path: [index, key], expected, found: one[key] })),
    ...folders.slice(0, index).flatMap((other) =>
      shared(one, other).map((key) => ({
        path: [index, key],
        expected: `a ${key} that does not overlap with ${other[key] === '' ? 'the empty one' : other[key]} of folder ${other.name}`,
        found: one[key],
      })),
    ),
  ]);
}

/** What two folders have in common, and must not. */
function shared(one: Folder, other: Folder): ('name' | 'path' | 'prefix')[] {
  return [
    ...(one.name === other.name ? (['name'] as const) : []),
    ...(overlaps(withSlash(one.path), withSlash(other.path)) ? (['path'] as const) : []),
    ...(overlaps(one.prefix, other.prefix) ? (['prefix'] as const) : []),
  ];
}

/** Settings that the mode would not follow, or that contradict each other. */
function misplaced(folder: Folder): { key: keyof typeof folder; expected: string }[] {
  const { mode, retention, marker, symlinks, schedule, minBytes, maxBytes } = folder;
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
    ...(maxBytes !== undefined && maxBytes < minBytes
      ? [{ key: 'maxBytes', expected: `at least minBytes, which is ${minBytes}` } as const]
      : []),
    ...(mode === 'receive' && typeof schedule === 'object'
      ? [{ key: 'schedule', expected: 'interval: how often the prefix is listed in mode receive' } as const]
      : []),
  ];
}

function withSlash(path: string): string {
  return `${path.replace(/\/+$/, '')}/`;
}
