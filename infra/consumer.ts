/**
 * One consumer of the hub's events: topic -> queue -> function, with a dead-letter queue of its own. One consumer's
 * outage never holds up another.
 */
import { Aws, Duration } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { type ITopic, Subscription, SubscriptionProtocol } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type SluiceFunction, TIMEOUT_FACTOR } from './sluice-function.ts';

/** With the delays of core/redelivery.ts, hours of an outage; what can never succeed gets there within seconds. */
const MAX_RECEIVE_COUNT = 12;
const BATCH_SIZE = 10;
/** Batches in flight at once; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html (2 to 1,000). */
const MAX_CONCURRENCY = 10;
/** The longest SQS allows: the time there is to look at what failed. */
const DEAD_LETTER_RETENTION = Duration.days(14);

export class Consumer extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { topic, timeout }: { topic: ITopic; timeout: Duration }) {
    super(scope, id);
    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: DEAD_LETTER_RETENTION,
    });
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // AWS's advice for event source mappings, so that a throttled batch is not seen twice:
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
      visibilityTimeout: Duration.seconds(timeout.toSeconds() * TIMEOUT_FACTOR),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVE_COUNT },
    });
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

  /** What a function needs to consume the queue; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
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

  feeds(target: SluiceFunction): void {
    new EventSourceMapping(this, 'Mapping', {
      target: target.function,
      eventSourceArn: this.queue.queueArn,
      batchSize: BATCH_SIZE,
      reportBatchItemFailures: true,
      maxConcurrency: MAX_CONCURRENCY,
    });
  }
}
