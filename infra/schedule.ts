/** What runs at intervals: a function, or a message to a queue. What could not be started lands in a queue of its own. */
import { Aws, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { SluiceFunction } from './sluice-function.ts';
import { sendTo } from './statements.ts';

const MINUTE_MS = 60_000;
const RETRIES = 3;
/** https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html */
const LONGEST_RETRY_S = 86_400;

export interface ScheduleProps {
  /** A function is invoked, a queue is sent `message`. */
  target: SluiceFunction | { queue: IQueue; message: string };
  everyMs: number;
  deadLetters: IQueue;
}

export class RunEvery extends Construct {
  constructor(scope: Construct, id: string, { target, everyMs, deadLetters }: ScheduleProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const role = new Role(this, 'Role', {
      // https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: {
          StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
          ArnEquals: {
            'aws:SourceArn': stack.formatArn({
              service: 'scheduler',
              resource: 'schedule-group',
              resourceName: 'default',
            }),
          },
        },
      }),
      inlinePolicies: {
        exactly: new PolicyDocument({
          statements: [
            'queue' in target
              ? sendTo('Start', target.queue)
              : new PolicyStatement({
                  sid: 'Invoke',
                  actions: ['lambda:InvokeFunction'],
                  resources: [target.function.functionArn],
                }),
            sendTo('SendDeadLetters', deadLetters),
          ],
        }),
      },
    });
    new CfnSchedule(this, 'Schedule', {
      scheduleExpression: rate(everyMs),
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: 'queue' in target ? target.queue.queueArn : target.function.functionArn,
        ...('queue' in target ? { input: target.message } : {}),
        roleArn: role.roleArn,
        deadLetterConfig: { arn: deadLetters.queueArn },
        // A run that comes after the next one was due has nothing to add.
        retryPolicy: {
          maximumEventAgeInSeconds: Math.min(LONGEST_RETRY_S, everyMs / 1000),
          maximumRetryAttempts: RETRIES,
        },
      },
    });
    if ('queue' in target) return;
    // The scheduler only hands over; a run that fails inside the function is Lambda's to report.
    (target.function.node.defaultChild as CfnFunction).deadLetterConfig = { targetArn: deadLetters.queueArn };
  }
}

/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based */
function rate(everyMs: number): string {
  const minutes = everyMs / MINUTE_MS;
  return `rate(${minutes} ${minutes === 1 ? 'minute' : 'minutes'})`;
}
