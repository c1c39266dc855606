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

const NOTHING_THERE = 'Nothing answers there: check the address and port of the endpoint, and firewalls.';
const HINTS: Record<string, string> = {
  NoSuchBucket: 'Create the bucket, or correct its name in the settings.',
  AccessDenied: 'Check the policy of these credentials for this bucket and prefix.',
  InvalidAccessKeyId: 'Check the credentials: the store does not know this access key.',
  SignatureDoesNotMatch: 'Check the secret key and the region.',
  AuthorizationHeaderMalformed: 'Correct the region in the settings.',
  ExpiredToken: 'Renew the credentials: their time is over.',
  InvalidToken: 'Check the session token of the credentials, or leave it out for keys that have none.',
  InvalidBucketName: 'Correct the name of the bucket in the settings.',
  InvalidTag: 'This store does not take such a tag: change it, or set tags: false for this destination.',
  InvalidStorageClass: 'Correct storageClass in the settings: this store does not have it.',
  RequestTimeTooSkewed: 'Set the clock of this host: the store refuses requests signed at another time.',
  ETIMEDOUT: 'Nothing answers in time: check the endpoint, and what lies between here and it.',
  CONNECT_TIMEOUT: NOTHING_THERE,
  UND_ERR_CONNECT_TIMEOUT: NOTHING_THERE,
  EAI_AGAIN: 'The host name of the endpoint cannot be resolved at present: check DNS and the network.',
  ECONNREFUSED: 'Is the endpoint right, and is the store running?',
  ENOTFOUND: 'The host name of the endpoint is not known: check it, and DNS.',
};

/** https://nodejs.org/api/tls.html#x509-certificate-error-codes, and the answer of a server that speaks plain HTTP. */
const TLS_HINTS: Record<string, string> = {
  CERT_HAS_EXPIRED: "The endpoint's certificate has expired: renew it there, and check this host's clock.",
  CERT_NOT_YET_VALID: "The endpoint's certificate is not valid yet: check the clocks of both hosts.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "The endpoint's certificate is for another host name: use that name in the settings, or correct the certificate.",
  ERR_SSL_WRONG_VERSION_NUMBER: 'The endpoint does not speak TLS: is it http:// instead of https://?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'The endpoint does not speak TLS: is it http:// instead of https://?',
};
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
const UNTRUSTED_HINT =
  "Nobody this host trusts has signed the endpoint's certificate: name the file of its authority in NODE_EXTRA_CA_CERTS.";

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
  return storeError(code, parsed?.message ?? `status ${response.status}`, response.status, op, key, bucket);
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
  const text = error instanceof Error ? error.message : String(error);
  return new SyncError(
    `${op} ${key ?? ''}: ${origin} cannot be reached: ${text || code}`.replace(' :', ':'),
    {
      op,
      key: key ?? '',
      retryable: !isTlsRefusal(code),
      code,
      cause: error,
      ...hint(code),
    },
  );
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
  const text = HINTS[code] ?? TLS_HINTS[code] ?? (UNTRUSTED.has(code) ? UNTRUSTED_HINT : undefined);
  return text === undefined ? {} : { hint: text };
}

function isTlsRefusal(code: string): boolean {
  return code.startsWith('CERT_') || code in TLS_HINTS || UNTRUSTED.has(code);
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
