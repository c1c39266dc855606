/** Where state reports and the records of removals are kept. */
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { ACCESS_LOG_REASON } from './nag-reasons.ts';

const ABANDONED_MULTIPART_DAYS = 7;

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
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(ABANDONED_MULTIPART_DAYS) }],
      removalPolicy: removal === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      autoDeleteObjects: removal === 'destroy',
    });
    Validations.of(this.bucket).acknowledge({ id: 'AwsSolutions-S1', reason: ACCESS_LOG_REASON });
  }
}
