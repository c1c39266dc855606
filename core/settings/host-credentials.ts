/** Where a host has the keys of a store from: never from agent.yaml itself. */
import * as z from 'zod';

const AN_ABSOLUTE_PATH = 'an absolute path';
export const absolutePath = z.string({ error: AN_ABSOLUTE_PATH }).regex(/^\//, { error: AN_ABSOLUTE_PATH });

const hostCredentials = z.union(
  [
    /** Names of environment variables, for hosts that already have them under other names than AWS's. */
    z.strictObject({
      accessKeyVariable: z.string().min(1).describe('Environment variable with the access key.'),
      secretKeyVariable: z.string().min(1).describe('Environment variable with the secret key.'),
    }),
    z.strictObject({
      file: absolutePath.describe(
        'In the format of ~/.aws/credentials; read again when the store refuses what was read.',
      ),
    }),
  ],
  { error: 'accessKeyVariable and secretKeyVariable, or file' },
);

/** Both absent: the AWS default chain. */
export const credentialFields = {
  profile: z.string().optional().describe('A profile of the AWS configuration files.'),
  credentials: hostCredentials
    .optional()
    .describe(
      'Where the keys are. Absent, as `profile`: the default chain of AWS (environment, files, roles).',
    ),
};
export interface WantedCredentials {
  profile?: string | undefined;
  credentials?: z.output<typeof hostCredentials> | undefined;
}
