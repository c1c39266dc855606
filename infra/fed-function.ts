/** A function and the queue that feeds it. What works off events, or what others ask of it, is one of these. */
import { Duration } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Site } from './site.ts';
import { SluiceFunction } from './sluice-function.ts';
import { type ConsumerProps, WorkQueue } from './work-queue.ts';

/**
 * Visibility timeout in timeouts of the function, AWS's advice, so that a throttled batch is not seen twice:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
const TIMEOUT_FACTOR = 6;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const LONGEST_VISIBILITY = Duration.hours(12);

export interface FedFunctionProps extends ConsumerProps {
  /** The file in functions/. */
  entry: string;
  timeout: Duration;
  memoryMb?: number;
  fifo?: boolean;
  /** Whether it is told of the hub's events. */
  events: boolean;
  environment?: (work: WorkQueue) => Record<string, string>;
  statements: (work: WorkQueue) => PolicyStatement[];
}

export class FedFunction extends Construct {
  /** Of the outputs, alarms and reports: `MirrorOffsite`. */
  readonly label: string;
  readonly work: WorkQueue;
  readonly lambda: SluiceFunction;

  constructor(scope: Construct, id: string, site: Site, props: FedFunctionProps) {
    super(scope, id);
    const { entry, timeout, memoryMb, fifo = false, events, environment, statements } = props;
    const visibleAfterSec = (timeout.toSeconds() + (props.window?.toSeconds() ?? 0)) * TIMEOUT_FACTOR;
    this.label = id;
    this.work = new WorkQueue(this, 'Work', {
      visibilityTimeout: Duration.seconds(Math.min(visibleAfterSec, LONGEST_VISIBILITY.toSeconds())),
      fifo,
    });
    if (events) this.work.tellOf(site.hub.topic);
    this.lambda = new SluiceFunction(this, 'Lambda', {
      entry,
      timeout,
      ...(memoryMb === undefined ? {} : { memoryMb }),
      runtime: site.runtime,
      environment: { ...site.environment, ...environment?.(this.work) },
      statements: [this.work.consumeStatement(), ...statements(this.work)],
    });
    this.work.feeds(this.lambda, props);
  }
}
