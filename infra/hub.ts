/** The bucket that everything meets in, and the topic that tells of each change to it. */
import { ArnFormat, Aws, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type CfnBucket,
  type LifecycleRule,
} from 'aws-cdk-lib/aws-s3';
import { Topic, TopicPolicy } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { ACCESS_LOG_REASON } from './nag-reasons.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html */
const EVENTS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*', 's3:ObjectRestore:Completed'];
const ABANDONED_MULTIPART_DAYS = 7;

export interface HubProps {
  /** Absent: `<stack>-hub-<account>-<region>`. */
  bucket?: string | undefined;
  /** Milliseconds; whole days. */
  noncurrentVersions: number | 'off';
  removal: 'retain' | 'destroy';
}

export class Hub extends Construct {
  readonly bucket: Bucket;
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { bucket, noncurrentVersions, removal }: HubProps) {
    super(scope, id);
    const stack = Stack.of(this);
    // The name is decided here and not by CloudFormation, so that the topic's policy can name the bucket before it
    // exists and the bucket can wait for that policy: no circle, and no custom resource to set notifications.
    const name = bucket ?? `${stack.stackName}-hub-${Aws.ACCOUNT_ID}-${Aws.REGION}`;
    const arn = stack.formatArn({
      service: 's3',
      region: '',
      account: '',
      resource: name,
      arnFormat: ArnFormat.NO_RESOURCE_NAME,
    });

    this.topic = new Topic(this, 'Events');
    const policy = new TopicPolicy(this, 'EventsPolicy', { topics: [this.topic], enforceSSL: true });
    policy.document.addStatements(
      new PolicyStatement({
        sid: 'HubPublishes',
        principals: [new ServicePrincipal('s3.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: {
          ArnEquals: { 'aws:SourceArn': arn },
          StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
        },
      }),
    );

    this.bucket = new Bucket(this, 'Bucket', {
      bucketName: name,
      versioned: true,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [
        { abortIncompleteMultipartUploadAfter: Duration.days(ABANDONED_MULTIPART_DAYS) },
        ...expireVersions(noncurrentVersions),
      ],
      removalPolicy: removal === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      autoDeleteObjects: removal === 'destroy',
    });
    const cfnBucket = this.bucket.node.defaultChild as CfnBucket;
    cfnBucket.notificationConfiguration = {
      topicConfigurations: EVENTS.map((event) => ({ event, topic: this.topic.topicArn })),
    };
    cfnBucket.node.addDependency(policy);
    Validations.of(this.bucket).acknowledge({ id: 'AwsSolutions-S1', reason: ACCESS_LOG_REASON });
  }
}

/** What is current is never touched; a delete marker goes when it is the last that is left of its key. */
function expireVersions(after: number | 'off'): LifecycleRule[] {
  if (after === 'off') return [];
  return [{ noncurrentVersionExpiration: Duration.millis(after), expiredObjectDeleteMarker: true }];
}
