/** A function that runs at intervals. What could not be started, or failed to its last retry, lands in a queue. */
import { Aws, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { SluiceFunction } from './sluice-function.ts';

const MINUTE_MS = 60_000;
const RETRIES = 3;

export interface ScheduleProps {
  target: SluiceFunction;
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
            new PolicyStatement({
              sid: 'Invoke',
              actions: ['lambda:InvokeFunction'],
              resources: [target.function.functionArn],
            }),
            sendStatement(deadLetters),
          ],
        }),
      },
    });
    new CfnSchedule(this, 'Schedule', {
      scheduleExpression: rate(everyMs),
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: target.function.functionArn,
        roleArn: role.roleArn,
        deadLetterConfig: { arn: deadLetters.queueArn },
        // A run that comes after the next one was due has nothing to add.
        retryPolicy: {
          maximumEventAgeInSeconds: Math.max(60, everyMs / 1000),
          maximumRetryAttempts: RETRIES,
        },
      },
    });
    // The scheduler only hands over; a run that fails inside the function is Lambda's to report.
    (target.function.node.defaultChild as CfnFunction).deadLetterConfig = { targetArn: deadLetters.queueArn };
  }
}

/** For the role of the schedule and of its function. */
export function sendStatement(queue: IQueue): PolicyStatement {
  return new PolicyStatement({
    sid: 'SendDeadLetters',
    actions: ['sqs:SendMessage'],
    resources: [queue.queueArn],
  });
}

/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based */
function rate(everyMs: number): string {
  const minutes = everyMs / MINUTE_MS;
  return `rate(${minutes} ${minutes === 1 ? 'minute' : 'minutes'})`;
}
