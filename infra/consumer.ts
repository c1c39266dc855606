/** One consumer of the hub's events: its queue, and the function that the queue feeds. */
import { Duration } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { EventQueue } from './event-queue.ts';
import { type SluiceFunction, TIMEOUT_FACTOR } from './sluice-function.ts';

const BATCH_SIZE = 10;
/** Batches in flight at once; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html (2 to 1,000). */
const MAX_CONCURRENCY = 10;

export class Consumer extends EventQueue {
  constructor(scope: Construct, id: string, { topic, timeout }: { topic: ITopic; timeout: Duration }) {
    // AWS's advice for event source mappings, so that a throttled batch is not seen twice:
    // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    super(scope, id, { topic, visibilityTimeout: Duration.seconds(timeout.toSeconds() * TIMEOUT_FACTOR) });
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
