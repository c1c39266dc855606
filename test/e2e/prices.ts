/**
 * What AWS asks for, in dollars, us-east-1, list prices without free tier and without volume discount. Check them here
 * before a figure is quoted: https://aws.amazon.com/s3/pricing/, /sns/pricing/, /sqs/pricing/, /lambda/pricing/,
 * /dynamodb/pricing/on-demand/, /cloudfront/pricing/, /cloudwatch/pricing/
 */
const PER_MILLION = 1e-6;

export const PRICES = {
  /** PUT, COPY, POST, LIST of S3 Standard. */
  s3Write: 5 * PER_MILLION,
  /** GET, HEAD and all others; DELETE is free. */
  s3Read: 0.4 * PER_MILLION,
  /** A publish of up to 64 KiB; deliveries to SQS are free. */
  snsPublish: 0.5 * PER_MILLION,
  /** Each request of up to 64 KiB and 10 messages. */
  sqsStandard: 0.4 * PER_MILLION,
  sqsFifo: 0.5 * PER_MILLION,
  lambdaRequest: 0.2 * PER_MILLION,
  /** arm64, the first six billion a month. */
  lambdaGigabyteSecond: 0.0000133334,
  /** Of up to 1 KiB, on demand. */
  dynamoWrite: 0.625 * PER_MILLION,
  /** Of up to 4 KiB, strongly consistent, on demand. */
  dynamoRead: 0.125 * PER_MILLION,
  /** After the first 1,000 a month. */
  cloudFrontPath: 0.005,
  logGigabyte: 0.5,
} as const;
