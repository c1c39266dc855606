/** What the reader can do about a refusal of the store, or a connection that cannot be had. */

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
  ECONNREFUSED: 'Nothing listens there: is the store running? Else correct the endpoint in the settings.',
  'HTTP 400':
    'The store gives no reason. Does the endpoint want https:// instead of http://? Is the session token still good?',
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

/**
 * Without s3:ListBucket S3 answers 403 for an object that is not there.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
 */
export const REFUSED_WITHOUT_REASON =
  'The store gives a HEAD no reason. Check the access key and the secret key; then the policy: s3:GetObject, and s3:ListBucket, without which what is missing is refused as well.';
/** Empty where nothing is known that would help. */
export function hintOf(code: string): { hint?: string } {
  const text = HINTS[code] ?? TLS_HINTS[code] ?? (UNTRUSTED.has(code) ? UNTRUSTED_HINT : undefined);
  return text === undefined ? {} : { hint: text };
}

export function isTlsRefusal(code: string): boolean {
  return code.startsWith('CERT_') || code in TLS_HINTS || UNTRUSTED.has(code);
}
