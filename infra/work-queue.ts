/**
 * A queue of work with a dead-letter queue of its own. Each consumer has one, so that no outage holds up another. It is
 * told of the hub's events, of what other functions send it, or both.
 */
import { Aws, Duration } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { type ITopic, Subscription, SubscriptionProtocol } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { MAX_RECEIVES } from '#core/redelivery.ts';
import type { SluiceFunction } from './sluice-function.ts';

/** The longest SQS keeps a message: the time there is to look at what failed, or to resume what was paused. */
const RETENTION = Duration.days(14);

export interface WorkQueueProps {
  visibilityTimeout: Duration;
  /** Messages of one group one after the other. */
  fifo?: boolean;
}

export interface ConsumerProps {
  /** At most 10 from a FIFO queue; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
  batchSize: number;
  /** How long messages are collected. */
  window?: Duration;
  /** Batches in flight at once; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html (2 to 1,000). */
  maxConcurrency: number;
  /** `false`: messages wait. */
  enabled?: boolean;
}

export class WorkQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { visibilityTimeout, fifo = false }: WorkQueueProps) {
    super(scope, id);
    const common: QueueProps = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: RETENTION,
      ...(fifo ? { fifo } : {}),
    };
    this.deadLetters = new Queue(this, 'DeadLetters', common);
    this.queue = new Queue(this, 'Queue', {
      ...common,
      visibilityTimeout,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVES },
    });
  }

  /** Every event of the topic, as it was published. */
  tellOf(topic: ITopic): void {
    this.queue.addToResourcePolicy(
      new PolicyStatement({
        sid: 'TopicSends',
        principals: [new ServicePrincipal('sns.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [this.queue.queueArn],
        conditions: {
          ArnEquals: { 'aws:SourceArn': topic.topicArn },
          StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
        },
      }),
    );
    const subscription = new Subscription(this, 'Subscription', {
      topic,
      protocol: SubscriptionProtocol.SQS,
      endpoint: this.queue.queueArn,
      rawMessageDelivery: true,
    });
    // Without the policy the first events would be refused, and nobody sends them again.
    subscription.node.addDependency(this.queue);
  }

  feeds(target: SluiceFunction, { batchSize, window, maxConcurrency, enabled = true }: ConsumerProps): void {
    new EventSourceMapping(this, 'Mapping', {
      target: target.function,
      eventSourceArn: this.queue.queueArn,
      // More than 10 take a window: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
      batchSize: (window?.toSeconds() ?? 0) > 0 ? batchSize : Math.min(batchSize, 10),
      ...(window === undefined ? {} : { maxBatchingWindow: window }),
      reportBatchItemFailures: true,
      maxConcurrency,
      enabled,
    });
  }

  /** What it takes to consume the queue; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
  consumeStatement(): PolicyStatement {
    return new PolicyStatement({
      sid: 'ConsumeQueue',
      actions: [
        'sqs:ReceiveMessage',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:ChangeMessageVisibility',
      ],
      resources: [this.queue.queueArn],
    });
  }
}
