/**
 * A queue of the hub's events: topic -> queue, with a dead-letter queue of its own. Each consumer has one, so that no
 * outage holds up another.
 */
import { Aws, Duration } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type ITopic, Subscription, SubscriptionProtocol } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

/** With the delays of core/redelivery.ts, hours of an outage; what can never succeed gets there within seconds. */
const MAX_RECEIVE_COUNT = 12;
/** The longest SQS allows: the time there is to look at what failed. */
const DEAD_LETTER_RETENTION = Duration.days(14);

export interface EventQueueProps {
  topic: ITopic;
  visibilityTimeout: Duration;
}

export class EventQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { topic, visibilityTimeout }: EventQueueProps) {
    super(scope, id);
    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: DEAD_LETTER_RETENTION,
    });
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout,
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
