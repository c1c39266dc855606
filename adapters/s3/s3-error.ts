/** What a store's refusal or a broken connection means: whether to try again, and what the reader can do. */
import { SyncError } from '#core/errors.ts';
import type { WireResponse } from './wire.ts';
import { parseXml, textAt } from './xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const RETRYABLE_CODES = new Set([
  'BadDigest',
  'ConditionalRequestConflict',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteBody',
  'InternalError',
  'OperationAborted',
  'RequestTimeTooSkewed',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TokenRefreshRequired',
  'TooManyRequests',
  'XAmzContentSHA256Mismatch',
]);

const HINTS: Record<string, string> = {
  NoSuchBucket: 'Create the bucket, or correct its name in the settings.',
  AccessDenied: 'Check the policy of these credentials for this bucket and prefix.',
  InvalidAccessKeyId: 'Check the credentials: the store does not know this access key.',
  SignatureDoesNotMatch: 'Check the secret key and the region.',
  PermanentRedirect: 'The bucket is in another region: correct the region in the settings.',
  AuthorizationHeaderMalformed: 'Correct the region in the settings.',
  ECONNREFUSED: 'Is the endpoint right, and is the store running?',
  ENOTFOUND: 'The host name of the endpoint is not known: check it, and DNS.',
};

/** Errors without a body (HEAD) are told from the status alone. */
const CODE_OF_STATUS: Record<number, string> = {
  301: 'PermanentRedirect',
  307: 'TemporaryRedirect',
  403: 'AccessDenied',
  404: 'NotFound',
  412: 'PreconditionFailed',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

export async function responseError(
  response: WireResponse,
  op: string,
  key: string | undefined,
  bucket: string,
): Promise<SyncError> {
  const body = await response.body.text();
  const parsed = errorOf(body);
  const code = parsed?.code ?? CODE_OF_STATUS[response.status] ?? `HTTP ${response.status}`;
  return storeError(code, parsed?.message ?? `status ${response.status}`, response.status, op, key, bucket);
}

/** CopyObject and CompleteMultipartUpload may answer 200 with an error in the body, or with nothing at all. */
export function errorInSuccess(body: string, op: string, key: string, bucket: string): SyncError | undefined {
  const parsed = errorOf(body);
  if (parsed !== undefined) return storeError(parsed.code, parsed.message, 200, op, key, bucket);
  if (body.trim() === '') return storeError('InternalError', 'an empty answer', 200, op, key, bucket);
  return undefined;
}

export function connectionError(
  error: unknown,
  op: string,
  key: string | undefined,
  origin: string,
): SyncError {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  return new SyncError(
    `${op} ${key ?? ''}: ${origin} cannot be reached: ${text || code}`.replace(' :', ':'),
    {
      op,
      key: key ?? '',
      retryable: !code.startsWith('ERR_TLS') && !code.startsWith('CERT_'),
      code,
      cause: error,
      ...hint(code),
    },
  );
}

function storeError(
  code: string,
  message: string,
  status: number,
  op: string,
  key: string | undefined,
  bucket: string,
): SyncError {
  return new SyncError(`${op} ${bucket}${key === undefined ? '' : `/${key}`}: ${code}: ${message}`, {
    op,
    key: key ?? '',
    retryable: RETRYABLE_CODES.has(code) || status >= 500 || status === 429 || status === 408,
    code,
    ...hint(code),
  });
}

function hint(code: string): { hint: string } | Record<string, never> {
  const text = HINTS[code];
  return text === undefined ? {} : { hint: text };
}

function errorOf(body: string): { code: string; message: string } | undefined {
  if (!body.includes('<Error')) return undefined;
  const root = parseXml(body).Error;
  const code = textAt(root, 'Code');
  return code === undefined ? undefined : { code, message: textAt(root, 'Message') ?? code };
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if (error instanceof Error && error.name === 'TimeoutError') return 'ETIMEDOUT';
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'Unknown';
}
