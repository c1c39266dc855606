/** One page of CloudWatch: what waits, what moves, what fails, in the order of the data path. */
import { Duration, Stack } from 'aws-cdk-lib';
import { Dashboard, GraphWidget, type IMetric, Metric, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { type Metric as MetricName, metricNamespace } from '#core/names.ts';
import type { DeploymentSettings } from '#core/settings/deployment.ts';
import type { Watched } from './alarms.ts';

const PERIOD = Duration.minutes(5);
const HALF = 12;

export class OperationsDashboard extends Construct {
  constructor(scope: Construct, id: string, settings: DeploymentSettings, { fed, others }: Watched) {
    super(scope, id);
    const { destinations, fileManager, cdn } = settings;
    const name = Stack.of(this).stackName;
    const own = (
      metricName: MetricName,
      dimensionsMap: Record<string, string>,
      label: string,
      statistic: string,
    ) => new Metric({ namespace: metricNamespace(name), metricName, dimensionsMap, label, statistic });
    const perDestination = (metric: MetricName, statistic: string) =>
      destinations.map((destination) =>
        own(metric, { service: 'mirror', part: destination.name }, destination.name, statistic),
      );
    const lambdas = [...fed, ...others].map(({ label, lambda }) => ({ label, function: lambda.function }));
    const rows: [string, IMetric[]][] = [
      [
        'Waiting',
        fed.map(({ label: of, work }) => work.queue.metricApproximateNumberOfMessagesVisible({ label: of })),
      ],
      [
        'Oldest, s',
        fed.map(({ label: of, work }) => work.queue.metricApproximateAgeOfOldestMessage({ label: of })),
      ],
      [
        'Dead letters',
        fed.map(({ label: of, work }) =>
          work.deadLetters.metricApproximateNumberOfMessagesVisible({ label: of }),
        ),
      ],
      ['Errors', lambdas.map(({ label, function: one }) => one.metricErrors({ label }))],
      [
        'Duration, p99',
        lambdas.map(({ label, function: one }) => one.metricDuration({ label, statistic: 'p99' })),
      ],
      [
        'Events replayed',
        [
          own('EventsReplayed', { service: 'event-replay' }, 'replayed', 'Sum'),
          own('EventsFailed', { service: 'event-replay' }, 'failed', 'Sum'),
        ],
      ],
      ['Objects mirrored', perDestination('ObjectsMirrored', 'Sum')],
      ['Bytes mirrored', perDestination('MirroredBytes', 'Sum')],
      ['Mirror lag, p99, ms', perDestination('MirrorLagMs', 'p99')],
      [
        'Deliveries',
        fileManager === undefined
          ? []
          : [
              own('Deliveries', { service: 'deliver' }, 'done', 'Sum'),
              own('DeliveriesFailed', { service: 'deliver' }, 'failed', 'Sum'),
            ],
      ],
      [
        'Invalidated paths',
        cdn === undefined ? [] : [own('InvalidatedPaths', { service: 'invalidate' }, 'paths', 'Sum')],
      ],
      ['Removed by retention', [own('ObjectsRemoved', { service: 'retention-cleanup' }, 'objects', 'Sum')]],
    ];
    const dashboard = new Dashboard(this, 'Page', {
      dashboardName: name,
      defaultInterval: Duration.hours(12),
    });
    dashboard.addWidgets(
      new TextWidget({
        width: 2 * HALF,
        height: 2,
        markdown: `# ${name}\nWhat an alarm means and what to do: docs/operations.md. Now: \`npm run ops -- status --stack ${name}\``,
      }),
    );
    const plots = rows
      .filter(([, metrics]) => metrics.length > 0)
      .map(([title, left]) => new GraphWidget({ title, left, width: HALF, height: 6, period: PERIOD }));
    for (let at = 0; at < plots.length; at += 2) dashboard.addWidgets(...plots.slice(at, at + 2));
  }
}
