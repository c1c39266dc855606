/** Where state reports and the records of removals are kept. */
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { REPORT_PREFIX } from '#core/names.ts';
import { ACCESS_LOG_REASON } from './nag-reasons.ts';

const ABANDONED_MULTIPART_DAYS = 7;
const OVERWRITTEN_DAYS = 7;
/** Full states and the records of removals stay; the journal, longer than it takes from one full state to the next. */
const KEPT_DAYS = {
  [REPORT_PREFIX.journal]: 90,
  [REPORT_PREFIX.diff]: 400,
  [REPORT_PREFIX.html]: 90,
  [`${REPORT_PREFIX.runs}history/`]: 90,
  [REPORT_PREFIX.reconcile]: 90,
};

export interface ReportsProps {
  removal: 'retain' | 'destroy';
}

export class Reports extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, { removal }: ReportsProps) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      versioned: true,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [
        {
          abortIncompleteMultipartUploadAfter: Duration.days(ABANDONED_MULTIPART_DAYS),
          // `latest` and the states of runs are overwritten with every run.
          noncurrentVersionExpiration: Duration.days(OVERWRITTEN_DAYS),
          expiredObjectDeleteMarker: true,
        },
        ...Object.entries(KEPT_DAYS).map(([prefix, days]) => ({ prefix, expiration: Duration.days(days) })),
      ],
      removalPolicy: removal === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      autoDeleteObjects: removal === 'destroy',
    });
    Validations.of(this.bucket).acknowledge({ id: 'AwsSolutions-S1', reason: ACCESS_LOG_REASON });
  }
}
