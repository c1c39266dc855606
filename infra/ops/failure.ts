/** What a failure means for the person at the terminal; anything that is no known kind of failure is a bug. */
import { SyncError } from '#core/errors.ts';

/** Names of AWS errors, and what to do about each. */
const HINTS: readonly { name: RegExp; hint: string }[] = [
  {
    name: /^(?:CredentialsProviderError|TokenProviderError)$/,
    hint: 'Sign in (aws sso login), set AWS_PROFILE, or name a profile with --profile.',
  },
  {
    name: /^(?:ExpiredToken|ExpiredTokenException|RequestExpired)$/,
    hint: 'The session is over: sign in again (aws sso login).',
  },
  {
    name: /^(?:AccessDenied|AccessDeniedException|AuthorizationError|UnauthorizedOperation)$/,
    hint: 'The credentials may not do this: use a role that operates the stack, such as the one that deployed it.',
  },
  {
    name: /^(?:InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|SignatureDoesNotMatch)$/,
    hint: 'The keys are not of this account: check --profile and the AWS environment variables.',
  },
  {
    name: /^(?:ECONNREFUSED|ENOTFOUND|ETIMEDOUT|TimeoutError|EAI_AGAIN)$/,
    hint: 'Is the network there, and AWS_ENDPOINT_URL right if it is set?',
  },
  {
    name: /^(?:Throttling|ThrottlingException|TooManyRequestsException)$/,
    hint: 'AWS asks to slow down: try again.',
  },
];

/** The lines to print, or `undefined` when the error is none that the world outside causes. */
export function failureText(error: unknown): string | undefined {
  if (error instanceof SyncError) return withHint(error.message, error.hint);
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  const known = HINTS.find(({ name }) => name.test(error.name) || name.test(code));
  const ofAws = '$metadata' in error || '$service' in error;
  const said = `${code}: ${error.message || 'no answer'}`;
  if (known !== undefined) return withHint(said, known.hint);
  if (/Region is missing/.test(error.message))
    return withHint(said, 'Name it with --region, or set AWS_REGION.');
  return ofAws ? said : undefined;
}

function withHint(message: string, hint: string | undefined): string {
  return hint === undefined ? message : `${message}\n${hint}`;
}
