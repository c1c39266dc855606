/** Where a host has the keys of a store from: never from agent.yaml itself. */
import { z } from 'zod';

export const absolutePath = z.string().regex(/^\//, { error: 'an absolute path' });

const hostCredentials = z.union(
  [
    /** Names of environment variables, for hosts that already have them under other names than AWS's. */
    z.strictObject({ accessKeyVariable: z.string().min(1), secretKeyVariable: z.string().min(1) }),
    /** A file in the format of ~/.aws/credentials; read again when the store refuses what was read. */
    z.strictObject({ file: absolutePath }),
  ],
  { error: 'accessKeyVariable and secretKeyVariable, or file' },
);

/** Both absent: the AWS default chain. */
export const credentialFields = {
  /** A profile of the AWS configuration files. */
  profile: z.string().optional(),
  credentials: hostCredentials.optional(),
};
export interface WantedCredentials {
  profile?: string | undefined;
  credentials?: z.output<typeof hostCredentials> | undefined;
}
