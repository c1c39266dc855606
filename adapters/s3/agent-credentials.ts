/**
 * The credentials that a store in agent.yaml asks for. Errors name the source, never what came from it. The SDK's
 * providers are loaded where they are asked: an agent whose keys are in its environment needs none of them.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { SyncError } from '#core/errors.ts';
import type { WantedCredentials } from '#core/settings/host-credentials.ts';
import { type CredentialSource, cachedCredentials, type ExpiringCredentials } from './credentials.ts';

/**
 * The named environment variables; or the file, in the format of ~/.aws/credentials (`credential_process` and roles
 * included); or the profile; or the AWS default chain. Files are read again whenever the store refuses what they held.
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 *
 * The source throws SyncError `NoCredentials`, with a hint; retryable unless only a restart can help.
 */
export function agentCredentials(
  { profile, credentials }: WantedCredentials,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): CredentialSource {
  if (credentials !== undefined && 'file' in credentials) {
    const { file } = credentials;
    return cachedCredentials(() => fromFile(file, profile));
  }
  if (credentials !== undefined) {
    const { accessKeyVariable, secretKeyVariable } = credentials;
    return cachedCredentials(async () => ({
      accessKeyId: variable(environment, accessKeyVariable),
      secretAccessKey: variable(environment, secretKeyVariable),
    }));
  }
  if (profile !== undefined) {
    // Not the chain: a profile that is misspelt would end in the role of the host.
    return cachedCredentials(() =>
      named(
        `profile ${profile}`,
        `Check profile ${profile} in ~/.aws/config and ~/.aws/credentials of the agent's user.`,
        async () => (await providers()).fromIni({ profile, ignoreCache: true })(),
      ),
    );
  }
  return cachedCredentials(() =>
    named(
      'the AWS default chain',
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile or a file under store: in the settings, or give the host a role.',
      async () => (await providers()).fromNodeProviderChain({ ignoreCache: true })(),
    ),
  );
}

async function fromFile(file: string, profile: string | undefined): Promise<ExpiringCredentials> {
  const name = profile ?? process.env.AWS_PROFILE ?? 'default';
  try {
    // The SDK takes a file that it cannot read for an empty one.
    await access(file, constants.R_OK);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw noCredentials(
      `the file ${file} cannot be read (${error.code})`,
      `Create ${file} with a section [${name}], readable for the agent's user.`,
    );
  }
  return named(
    `the file ${file}, section [${name}]`,
    `Write aws_access_key_id and aws_secret_access_key, or credential_process, below [${name}] in ${file}.`,
    async () => {
      const { fromIni } = await providers();
      return fromIni({ profile: name, filepath: file, configFilepath: file, ignoreCache: true })();
    },
  );
}

function providers() {
  return import('@aws-sdk/credential-providers');
}

function variable(environment: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = environment[name];
  if (value !== undefined && value !== '') return value;
  throw noCredentials(
    `the environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}`,
    `Set ${name} for the agent (Environment= or EnvironmentFile= of its systemd unit), and start it again.`,
    false,
  );
}

async function named(
  source: string,
  hint: string,
  load: () => Promise<ExpiringCredentials>,
): Promise<ExpiringCredentials> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw noCredentials(`${source}: ${reasonOf(error)}`, hint);
  }
}

/** Made of words of our own: what the SDK says, and its cause, may quote a command line, its output or an answer. */
function reasonOf(error: Error): string {
  const { message } = error;
  if (message.startsWith('Command failed')) return 'its credential_process failed; run it by hand to see why';
  const told = /credential_process (?:returned|did not return) [\w ]+/.exec(message);
  if (told !== null) return `its ${told[0]}`;
  if (message.startsWith('Could not resolve credentials using profile')) return 'it has no credentials';
  if (message.startsWith('Could not load credentials from any')) return 'none of its sources has any';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return `it could not be used (${code})`;
}

function noCredentials(what: string, hint: string, retryable = true): SyncError {
  return new SyncError(`credentials: ${what}`, { op: 'credentials', retryable, code: 'NoCredentials', hint });
}
