/** `agent.yaml`: what one host does. */
import { z } from 'zod';
import { durationMs } from './duration.ts';

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,29}$/, { error: 'a name: up to 30 lower-case letters, digits and hyphens' });
const absolutePath = z.string().regex(/^\//, { error: 'an absolute path' });

const folder = z.strictObject({
  name,
  path: absolutePath,
  /** Keys start with it; `output/` puts `a.txt` at `output/a.txt`. */
  prefix: z
    .string()
    .regex(/^(?:[^/].*\/)?$/s, { error: 'empty, or a prefix that ends with / and does not start with it' }),
  /** `move`: upload when the writer has closed the file, verify, remove locally. */
  mode: z.enum(['move']).default('move'),
  /** How long a file must be unchanged where the filesystem has no leases (NFS, FUSE, files of other users). */
  settle: durationMs.prefault('2s'),
});

export const agentSettings = z
  .strictObject({
    store: z.strictObject({
      bucket: z.string().min(1, { error: 'the name of the hub bucket' }),
      region: z.string().default('us-east-1'),
      /** Absent: AWS. */
      endpoint: z.url({ protocol: /^https?$/, error: 'a URL such as https://minio.example:9000' }).optional(),
      addressing: z.enum(['path', 'virtual']).default('path'),
      /** A profile of the AWS configuration files; absent: the AWS default chain. */
      profile: z.string().optional(),
      /** What the store is asked to check beside MD5. */
      checksum: z.enum(['crc32', 'md5']).default('crc32'),
    }),
    /** Where the agent keeps its index. */
    stateDirectory: absolutePath.default('/var/lib/sluice'),
    folders: z.array(folder).min(1, { error: 'at least one folder' }),
    /** How often the tree is compared with the index, for what events do not tell. */
    rescan: durationMs.prefault('5m'),
    limits: z
      .strictObject({
        /** Files in flight at once. */
        concurrency: z.int().min(1).max(256).default(16),
        /** Files up to this size are sent whole, larger ones in parts of it. */
        partBytes: z
          .int()
          .min(5 * 1024 * 1024)
          .default(16 * 1024 * 1024),
      })
      .prefault({}),
    log: z
      .strictObject({
        level: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']).default('INFO'),
        format: z.enum(['readable', 'json']).default('readable'),
      })
      .prefault({}),
  })
  .superRefine(({ folders }, context) => {
    for (const [index, one] of folders.entries()) {
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

export type AgentSettings = z.output<typeof agentSettings>;
export type FolderSettings = AgentSettings['folders'][number];

function overlaps(left: string, right: string): boolean {
  return left.startsWith(right) || right.startsWith(left);
}

function withSlash(path: string): string {
  return `${path.replace(/\/+$/, '')}/`;
}
