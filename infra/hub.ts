/** The bucket that everything meets in, and the topic that tells of each change to it. */
import { ArnFormat, Aws, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type CfnBucket,
  type LifecycleRule,
} from 'aws-cdk-lib/aws-s3';
import { Topic, TopicPolicy } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { DeploymentSettings } from '#core/settings/deployment.ts';
import { ACCESS_LOG_REASON } from './nag-reasons.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html */
const EVENTS = [
  's3:ObjectCreated:*',
  's3:ObjectRemoved:*',
  's3:ObjectRestore:Completed',
  's3:LifecycleExpiration:*',
  's3:ObjectTagging:*',
  's3:ObjectAcl:Put',
];
const ABANDONED_MULTIPART_DAYS = 7;

export type HubProps = DeploymentSettings['hub'] & { removal: 'retain' | 'destroy' };

export class Hub extends Construct {
  readonly name: string;
  /** Absent where the hub is a bucket of another store: what happens there comes through the ingest URL. */
  readonly bucket: Bucket | undefined;
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: HubProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Events');
    const policy = new TopicPolicy(this, 'EventsPolicy', { topics: [this.topic], enforceSSL: true });
    if (props.endpoint === undefined) {
      this.bucket = this.#ownBucket(props, policy);
      this.name = this.bucket.bucketName;
    } else {
      this.name = props.bucket ?? '';
    }
  }

  #ownBucket({ bucket, noncurrentVersions, kmsKey, removal }: HubProps, policy: TopicPolicy): Bucket {
    const stack = Stack.of(this);
    // The name is decided here and not by CloudFormation, so that the topic's policy can name the bucket before it
    // exists and the bucket can wait for that policy: no circle, and no custom resource to set notifications.
    // A stack of one's own may have capitals in its name, a bucket may not.
    const name = bucket ?? `${stack.stackName.toLowerCase()}-hub-${Aws.ACCOUNT_ID}-${Aws.REGION}`;
    const arn = stack.formatArn({
      service: 's3',
      region: '',
      account: '',
      resource: name,
      arnFormat: ArnFormat.NO_RESOURCE_NAME,
    });

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

    const hub = new Bucket(this, 'Bucket', {
      bucketName: name,
      versioned: true,
      ...(kmsKey === undefined
        ? { encryption: BucketEncryption.S3_MANAGED }
        : {
            encryption: BucketEncryption.KMS,
            encryptionKey: Key.fromKeyArn(this, 'Key', kmsKey),
            // One data key for many objects: a request to KMS for each would cost more than the objects' own.
            bucketKeyEnabled: true,
          }),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [
        { abortIncompleteMultipartUploadAfter: Duration.days(ABANDONED_MULTIPART_DAYS) },
        ...expireVersions(noncurrentVersions),
      ],
      // A first deployment that fails must not leave it behind: its name is fixed, and the next one would fail for it.
      removalPolicy: removal === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      autoDeleteObjects: removal === 'destroy',
    });
    const cfnBucket = hub.node.defaultChild as CfnBucket;
    cfnBucket.notificationConfiguration = {
      topicConfigurations: EVENTS.map((event) => ({ event, topic: this.topic.topicArn })),
    };
    cfnBucket.node.addDependency(policy);
    Validations.of(hub).acknowledge({ id: 'AwsSolutions-S1', reason: ACCESS_LOG_REASON });
    return hub;
  }
}

/** What is current is never touched; a delete marker goes when it is the last that is left of its key. */
function expireVersions(after: number | 'off'): LifecycleRule[] {
  if (after === 'off') return [];
  return [{ noncurrentVersionExpiration: Duration.millis(after), expiredObjectDeleteMarker: true }];
}
