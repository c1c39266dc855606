/**
 * What somebody is told of: every dead letter, every queue that does not get emptied, every function that fails or is
 * throttled, agents that are silent, deletes that wait for a person, a ledger that drifted.
 */
import { Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type Metric as MetricName, metricNamespace, pascalCase } from '#core/names.ts';
import type { DeploymentSettings } from '#core/settings/deployment.ts';
import type { FedFunction } from './fed-function.ts';
import type { SluiceFunction } from './sluice-function.ts';

const PERIOD = Duration.minutes(5);
const DAY_MS = 86_400_000;

export interface Labelled {
  /** Of the outputs, alarms and reports. */
  label: string;
  lambda: SluiceFunction;
}

export interface Watched {
  fed: readonly FedFunction[];
  /** Functions without a queue. */
  others: readonly Labelled[];
  deadLetters: Queue;
}

export class Alarms extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, settings: DeploymentSettings, watched: Watched) {
    super(scope, id);
    const { alarms, destinations, fileManager } = settings;
    this.topic = new Topic(this, 'Topic', { enforceSSL: true });
    for (const email of alarms.emails) this.topic.addSubscription(new EmailSubscription(email));

    for (const { label, work, lambda } of watched.fed) {
      const { queue, deadLetters } = work;
      this.#tell(
        `${label}DeadLetters`,
        depthOf(deadLetters),
        0,
        `${label}: messages failed for good. Look at them, then: ops redrive`,
      );
      this.#tell(
        `${label}Oldest`,
        queue.metricApproximateAgeOfOldestMessage({ period: PERIOD, statistic: 'max' }),
        alarms.oldestMessage / 1000,
        `${label}: its queue is not emptied. Is it paused, or what it talks to down?`,
      );
      this.#function(label, lambda);
    }
    for (const { label, lambda } of watched.others) this.#function(label, lambda);
    this.#tell(
      'SchedulesDeadLetters',
      // Nothing empties this queue: by its depth the alarm would tell of one failure, and of none for 14 days after it.
      watched.deadLetters.metricNumberOfMessagesSent({ period: PERIOD, statistic: 'sum' }),
      0,
      'A scheduled run could not be started, or failed to its last retry. Its log says why.',
    );
    for (const { name } of destinations) {
      const id = pascalCase(name);
      const why = `${name}: more deletes than the guard allows. ops status shows them, ops approve releases them.`;
      this.#own(`Mirror${id}DeletesHeld`, 'DeletesHeld', { service: 'mirror', part: name }, why);
      this.#own(`Reconcile${id}DeletesHeld`, 'DeletesHeld', { service: 'reconcile', part: name }, why);
    }
    const report = { service: 'state-report' };
    // It tells once a run: within a shorter period the alarm would end by itself between two runs, each time anew.
    const aRun = Duration.millis(Math.min(Math.max(settings.report.every, PERIOD.toMilliseconds()), DAY_MS));
    this.#own(
      'DriftedKeys',
      'DriftedKeys',
      report,
      'The ledger drifted from its changes; it was repaired.',
      aRun,
    );
    this.#own('ReportsFailed', 'ReportsFailed', report, 'A report endpoint does not take the results.', aRun);
    if (alarms.missingHeartbeat !== 'off') {
      const why = 'An agent has not said for a while that it lives: look at its host.';
      this.#own('HeartbeatsMissing', 'HeartbeatsMissing', report, why, aRun);
    }
    if (fileManager !== undefined) {
      const why = 'The file manager fails again and again, and is left alone for a while.';
      this.#own('BreakerOpen', 'BreakerOpen', { service: 'deliver' }, why);
    }
  }

  #function(label: string, { function: lambda }: SluiceFunction): void {
    this.#tell(
      `${label}Errors`,
      lambda.metricErrors({ period: PERIOD }),
      0,
      `${label} fails: ops logs ${label}`,
    );
    this.#tell(
      `${label}Throttles`,
      lambda.metricThrottles({ period: PERIOD }),
      0,
      `${label} is throttled: the account's concurrency is used up.`,
    );
  }

  #own(
    id: string,
    metricName: MetricName,
    dimensionsMap: Record<string, string>,
    description: string,
    period = PERIOD,
  ): void {
    const metric = new Metric({
      namespace: metricNamespace(Stack.of(this).stackName),
      metricName,
      dimensionsMap,
      period,
      statistic: 'sum',
    });
    this.#tell(id, metric, 0, description);
  }

  #tell(id: string, metric: IMetric, threshold: number, alarmDescription: string): void {
    const alarm = new Alarm(this, id, {
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
  }
}

function depthOf(queue: Queue): Metric {
  return queue.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: 'max' });
}
