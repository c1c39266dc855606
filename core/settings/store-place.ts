/** Where a bucket is and how it is reached: the hub of another store, and each destination. */
import * as z from '../schema.ts';
import { STORE_TYPES } from '../store-type.ts';

const A_BUCKET_NAME = 'a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export const bucketName = z
  .string({ error: A_BUCKET_NAME })
  .check(z.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: A_BUCKET_NAME }));

const A_NAME_ALONE = 'the name of a bucket alone, such as my-hub';

/**
 * Of a bucket that is there: old ones of AWS, and those of some stores, have capitals and underscores too.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
export const existingBucket = z
  .string({ error: A_NAME_ALONE })
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/, { error: A_NAME_ALONE }));

/** Secrets are never in a settings file, and calls to such a URL are refused. */
export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'a URL such as https://minio.example:9000' })
  .check(
    z.refine((text) => !/^https?:[\\/]*[^/?#\\]*@/i.test(text), {
      error: 'a URL without user and password, such as https://minio.example:9000',
    }),
  );

/** The highest: https://www.rfc-editor.org/rfc/rfc6335#section-6 */
const HIGHEST_PORT = 65_535;

/** Whether what is behind the last colon can be a port. */
export function hasPort(address: string): boolean {
  return Number(address.slice(address.lastIndexOf(':') + 1)) <= HIGHEST_PORT;
}

export const URL_WITHOUT_BUCKET = 'the URL without the bucket; that is in the setting bucket';

/** As consoles of stores show it. Every request would name the bucket twice, and get NoSuchKey. Other paths may be right. */
export function isBucketInUrl({ endpoint, bucket }: Pick<StorePlace, 'endpoint' | 'bucket'>): boolean {
  return withoutScheme(endpoint).replace(/\/+$/, '').endsWith(`/${bucket}`);
}

/** Name of a Secrets Manager secret; https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html */
export const secretName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/, { error: 'the name of a secret' }));

export const kmsKeyArn = z
  .string()
  .check(z.regex(/^arn:[^:]+:kms:[^:]+:\d{12}:key\/.+$/, { error: 'the ARN of a KMS key' }));

/** Fields of a bucket behind an S3 API. Without `endpoint` it is on AWS and reached with the function's role. */
export const storePlace = {
  type: z
    .optional(z.enum(STORE_TYPES))
    .check(z.describe('Absent: `aws` without an endpoint, else `other`. It decides what is not set here.')),
  region: z
    ._default(z.string().check(z.minLength(1)), 'us-east-1')
    .check(z.describe('Of the bucket; signatures name it.')),
  endpoint: z.optional(httpUrl).check(z.describe('URL of a store that is not AWS.')),
  credentials: z
    .optional(secretName)
    .check(z.describe('Secret with JSON `{"accessKeyId", "secretAccessKey"}`; needed with `endpoint`.')),
  addressing: z
    .optional(z.enum(['path', 'virtual']))
    .check(
      z.describe(
        '`path`: the bucket is in the path of URLs; `virtual`: in the host name. Absent: what stores of the type want.',
      ),
    ),
};

export const hubPlace = z.strictObject({ bucket: bucketName, ...storePlace });
export type StorePlace = z.output<typeof hubPlace>;

/** Whether both name one bucket, as far as names can tell. */
export function samePlace(left: StorePlace, right: StorePlace): boolean {
  return left.bucket === right.bucket && hostOf(left.endpoint) === hostOf(right.endpoint);
}

/** Of which there is one for each place that objects can be copied to. */
export function placeText({ endpoint, bucket, prefix }: StorePlace & { prefix: string }): string {
  return `${hostOf(endpoint)}/${bucket}/${prefix}`;
}

function hostOf(endpoint: string | undefined): string {
  return withoutScheme(endpoint).toLowerCase().replace(/\/.*$/, '');
}

function withoutScheme(endpoint = ''): string {
  return endpoint.replace(/^https?:\/\//i, '');
}
