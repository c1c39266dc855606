/** CloudFront behind the port `Cdn`. */
import { CloudFrontClient, CreateInvalidationCommand } from '@aws-sdk/client-cloudfront';
import type { Cdn } from '#core/cdn.ts';
import { SyncError } from '#core/errors.ts';
import type { CredentialSource } from './s3/credentials.ts';

export interface CdnOptions {
  distribution: string;
  /** Absent: AWS. */
  endpoint?: string;
  /** Absent: the AWS default chain. */
  credentials?: CredentialSource;
}

/** Its API is in one region for the whole world: https://docs.aws.amazon.com/general/latest/gr/cf_region.html */
const REGION = 'us-east-1';
const CONNECT_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 15_000;
/** https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html#API_CreateInvalidation_Errors */
const HINTS: Readonly<Record<string, string>> = {
  AccessDenied: 'Allow cloudfront:CreateInvalidation on this distribution to these credentials.',
  NoSuchDistribution: 'Correct the id of the distribution in the settings.',
  TooManyInvalidationsInProgress: 'It is asked again when some of those under way have ended.',
};

/** They pass, whatever their status. https://docs.aws.amazon.com/cloudfront/latest/APIReference/CommonErrors.html */
const PASSING = new Set([
  'TooManyInvalidationsInProgress',
  'Throttling',
  'ThrottlingException',
  'RequestThrottled',
  'TooManyRequestsException',
]);

export function createCdn(options: CdnOptions): Cdn & { close(): void } {
  const { distribution, endpoint, credentials } = options;
  const client = new CloudFrontClient({
    region: REGION,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    requestHandler: {
      connectionTimeout: CONNECT_WITHIN_MS,
      requestTimeout: ANSWER_WITHIN_MS,
      // Without it the time limit is only logged.
      throwOnRequestTimeout: true,
    },
  });
  return {
    async invalidate(paths, callerReference) {
      try {
        await client.send(
          new CreateInvalidationCommand({
            DistributionId: distribution,
            InvalidationBatch: {
              Paths: { Quantity: paths.length, Items: [...paths] },
              CallerReference: callerReference,
            },
          }),
        );
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        throw failure(distribution, error);
      }
    },
    close: () => client.destroy(),
  };
}

function failure(
  distribution: string,
  error: Error & { $metadata?: { httpStatusCode?: number } },
): SyncError {
  const status = error.$metadata?.httpStatusCode;
  const code = status === undefined && 'code' in error ? String(error.code) : error.name;
  const hint = HINTS[code];
  return new SyncError(`CreateInvalidation ${distribution}: ${code}: ${error.message}`, {
    op: 'CreateInvalidation',
    // Without a status nobody has answered.
    retryable: PASSING.has(code) || status === undefined || status >= 500 || status === 429,
    code,
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}
