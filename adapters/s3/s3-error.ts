/** What a store's refusal or a broken connection means: whether to try again, and what the reader can do. */
import { SyncError } from '#core/errors.ts';
import { hintOf, isTlsRefusal, REFUSED_WITHOUT_REASON } from './error-hints.ts';
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

/** The store does not take these credentials; others may do. */
const REFUSED_CREDENTIALS = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
]);
/** The refusals of a HEAD come without a body, so the reason is not told: 400 for a token, 403 for a key. */
const REFUSED_HEAD = new Set(['AccessDenied', 'HTTP 400']);

/** The store is asked more than it can answer. */
const CONGESTION = new Set([
  'CONNECT_TIMEOUT',
  'ETIMEDOUT',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
]);

const MAX_PLAIN_REASON = 200;
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
  if (response.status >= 300 && response.status < 400) {
    return redirectError(code, response, op, key, bucket);
  }
  if (parsed === undefined && response.status === 403) {
    return storeError(code, 'status 403', 403, op, key, bucket, REFUSED_WITHOUT_REASON);
  }
  const reason = parsed?.message ?? plainReason(body) ?? `status ${response.status}`;
  return storeError(code, reason, response.status, op, key, bucket);
}

/** CopyObject and CompleteMultipartUpload may answer 200 with an error in the body, or with nothing at all. */
export function errorInSuccess(body: string, op: string, key: string, bucket: string): SyncError | undefined {
  const parsed = errorOf(body);
  if (parsed !== undefined) return storeError(parsed.code, parsed.message, 200, op, key, bucket);
  if (body.trim() === '') return storeError('InternalError', 'an empty answer', 200, op, key, bucket);
  return undefined;
}

export function refusesCredentials(error: SyncError, method: string): boolean {
  const { code = '' } = error;
  return REFUSED_CREDENTIALS.has(code) || (method === 'HEAD' && REFUSED_HEAD.has(code));
}

export function isCongestion(error: unknown): boolean {
  return error instanceof SyncError && CONGESTION.has(error.code ?? '');
}

export function connectionError(
  error: unknown,
  op: string,
  key: string | undefined,
  origin: string,
): SyncError {
  const code = codeOf(error);
  return new SyncError(
    `${op} ${key ?? ''}: ${origin} cannot be reached: ${connectionReason(error)}`.replace(' :', ':'),
    {
      op,
      key: key ?? '',
      retryable: !isTlsRefusal(code),
      code,
      cause: error,
      ...hintOf(code),
    },
  );
}

/** Of OpenSSL's `thread:error:number:library:function:reason:file:line:` the reason alone. */
export function connectionReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [, reason = text] = /^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(text) ?? [];
  return reason || codeOf(error);
}

/** What to do about a connection that cannot be had, where that is known. */
export function connectionHint(error: unknown): string | undefined {
  return hintOf(codeOf(error)).hint;
}

/** The answer had begun, and did not end. */
export function brokenBody(error: unknown, op: string, key: string | undefined, origin: string): SyncError {
  const text = error instanceof Error ? error.message : String(error);
  return new SyncError(`${op} ${key ?? ''}: the answer of ${origin} broke off: ${text}`.replace(' :', ':'), {
    op,
    key: key ?? '',
    retryable: true,
    code: codeOf(error),
    cause: error,
  });
}

/** Told before anything is sent: a line break would begin a header of somebody else's choice. */
export function badHeader(op: string, key: string | undefined, name: string): SyncError {
  return new SyncError(`${op} ${key ?? ''}: the header ${name} has characters that no header can have`, {
    op,
    key: key ?? '',
    retryable: false,
    code: 'InvalidHeader',
    hint: 'Correct the metadata of the object: values are ASCII, or bytes of UTF-8 as stores answer them.',
  });
}

function storeError(
  code: string,
  message: string,
  status: number,
  op: string,
  key: string | undefined,
  bucket: string,
  toDo?: string,
): SyncError {
  return new SyncError(`${op} ${bucket}${key === undefined ? '' : `/${key}`}: ${code}: ${message}`, {
    op,
    key: key ?? '',
    retryable: RETRYABLE_CODES.has(code) || status >= 500 || status === 429 || status === 408,
    code,
    ...(toDo === undefined ? hintOf(code) : { hint: toDo }),
  });
}

/** Redirects are never followed: the body and a signature would go to whoever the answer names. */
function redirectError(
  code: string,
  { status, headers }: WireResponse,
  op: string,
  key: string | undefined,
  bucket: string,
): SyncError {
  const region = headers['x-amz-bucket-region'];
  const where = headers.location === undefined ? '' : ` to ${headers.location}`;
  return new SyncError(
    `${op} ${bucket}${key === undefined ? '' : `/${key}`}: ${code}: status ${status}, a redirect${where}`,
    {
      op,
      key: key ?? '',
      retryable: false,
      code,
      hint:
        region === undefined
          ? 'Correct the endpoint or the region in the settings; redirects are not followed.'
          : `The bucket is in region ${region}: correct the region in the settings; redirects are not followed.`,
    },
  );
}

/** What is no S3 server may say in words what it wants, as Go's does of plain HTTP on a TLS port. */
function plainReason(body: string): string | undefined {
  const text = body.trim();
  return text === '' || text.startsWith('<') || text.length > MAX_PLAIN_REASON ? undefined : text;
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
