/** The deployment, in the order of the data path: agents -> hub -> topic -> ledger, mirrors, CDN; then what is scheduled. */
import { CfnOutput, Duration, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { z } from 'zod';
import { ENV, pascalCase } from '#core/names.ts';
import { START_MESSAGE } from '#core/reconcile-message.ts';
import type { DeploymentSettings } from '#core/settings/deployment.ts';
import type { Destination } from '#core/settings/destination.ts';
import { reportSchema } from '#core/settings/http-target.ts';
import { retentionRules } from '#core/settings/retention-rule.ts';
import { AgentAccess } from './agent-access.ts';
import { Alarms } from './alarms.ts';
import { deliver, eventReplay, invalidation, LONGEST, mirror, reconcile } from './consumers.ts';
import { OperationsDashboard } from './dashboard.ts';
import { FedFunction, type FedFunctionProps } from './fed-function.ts';
import { Hub } from './hub.ts';
import { Ingest } from './ingest.ts';
import { LedgerTable } from './ledger.ts';
import { retentionStatements, stateReportStatements } from './permissions.ts';
import { Reports } from './reports.ts';
import { RunEvery } from './schedule.ts';
import { type Site, siteOf } from './site.ts';
import { SluiceFunction, type SluiceFunctionProps } from './sluice-function.ts';
import { sendTo } from './statements.ts';
import type { WorkQueue } from './work-queue.ts';

export interface SluiceStackProps extends StackProps {
  settings: DeploymentSettings;
}

export class SluiceStack extends Stack {
  readonly #site: Site;
  readonly #outputs: Construct;
  readonly #fed: FedFunction[] = [];
  readonly #scheduled: SluiceFunction[] = [];
  /** Queues that agents empty. */
  readonly #inboxes: WorkQueue[] = [];

  constructor(scope: Construct, id: string, { settings, ...props }: SluiceStackProps) {
    super(scope, id, { description: 'Sluice: object storage kept right', ...props });
    this.#outputs = new Construct(this, 'Outputs');
    const { removal, fileManager, cdn, ingest } = settings;

    const hub = new Hub(this, 'Hub', { ...settings.hub, removal });
    const ledger = new LedgerTable(this, 'Ledger', { removal });
    const reports = new Reports(this, 'Reports', { removal });
    const deadLetters = new Queue(this, 'ScheduleDeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const site = siteOf(settings, hub, ledger, reports, deadLetters);
    this.#site = site;

    this.#agents();
    if (ingest !== undefined) {
      const { lambda, url } = new Ingest(this, 'Ingest', site, ingest.token);
      this.#scheduled.push(lambda);
      this.#output('Ingest', lambda.function.functionName);
      this.#output('IngestUrl', url);
    }
    const deliveries =
      fileManager === undefined ? undefined : this.#feed('Deliver', deliver(this, site, fileManager)).work;
    const replay = this.#feed('EventReplay', eventReplay(this, site, deliveries)).work;
    this.#reconciled('Reconcile', settings.reconcile, reconcile(this, site, replay, undefined, deliveries));
    for (const destination of settings.destinations) this.#mirrored(destination);
    if (cdn !== undefined) this.#feed('Invalidate', invalidation(this, cdn));
    if (settings.retention.length > 0) this.#retention();
    this.#stateReport();

    const watched = { fed: this.#fed, others: this.#scheduled, deadLetters };
    const alarms = new Alarms(this, 'Alarms', settings, watched);
    new OperationsDashboard(this, 'Dashboard', settings, watched);
    for (const [key, value] of Object.entries(settings.tags)) Tags.of(this).add(key, value);

    for (const fed of this.#fed) this.#fedOutputs(fed);
    this.#output('HubName', hub.name);
    this.#output('TopicArn', hub.topic.topicArn);
    this.#output('AlarmTopicArn', alarms.topic.topicArn);
    this.#output('LedgerName', ledger.table.tableName);
    this.#output('ReportsName', reports.bucket.bucketName);
    this.#output('SchedulesDlqUrl', deadLetters.queueUrl);
    this.#output('Timezone', settings.timezone);
  }

  #agents(): void {
    const { settings, hub, places } = this.#site;
    const { hubArn, kmsKeyArn } = places;
    if (settings.agents.length === 0 || hubArn === undefined) return;
    const agents = new Construct(this, 'Agents');
    for (const agent of settings.agents) {
      const id = `Agent${pascalCase(agent.name)}`;
      const access = new AgentAccess(agents, agent.name, { agent, hubArn, kmsKeyArn, topic: hub.topic });
      this.#output(`${id}PolicyArn`, access.policy.managedPolicyArn);
      if (access.events === undefined) continue;
      this.#inboxes.push(access.events);
      this.#output(`${id}QueueUrl`, access.events.queue.queueUrl);
      this.#output(`${id}DlqUrl`, access.events.deadLetters.queueUrl);
    }
  }

  #mirrored(destination: Destination): void {
    const name = pascalCase(destination.name);
    const { work } = this.#feed(`Mirror${name}`, mirror(this, this.#site, destination));
    this.#reconciled(
      `Reconcile${name}`,
      destination.enabled ? destination.reconcile : 'off',
      reconcile(this, this.#site, work, destination, undefined),
    );
  }

  #reconciled(id: string, every: number | 'off', props: FedFunctionProps): void {
    const { work } = this.#feed(id, props);
    if (every === 'off') return;
    new RunEvery(this, `${id}Schedule`, {
      target: { queue: work.queue, message: START_MESSAGE },
      everyMs: every,
      deadLetters: this.#site.scheduleDeadLetters,
    });
  }

  #retention(): void {
    const { settings, places } = this.#site;
    this.#run('Retention', settings.retentionEvery, {
      entry: 'retention-cleanup',
      environment: { [ENV.retention]: JSON.stringify(z.encode(retentionRules, settings.retention)) },
      statements: retentionStatements(this, places),
    });
  }

  #stateReport(): void {
    const { settings, places } = this.#site;
    // Each that the outputs name: those of the agents too.
    const queues = [...this.#fed.map(({ work }) => work), ...this.#inboxes].flatMap((work) => [
      work.queue.queueArn,
      work.deadLetters.queueArn,
    ]);
    this.#run('StateReport', settings.report.every, {
      entry: 'state-report',
      environment: {
        [ENV.report]: JSON.stringify(z.encode(reportSchema, settings.report)),
        [ENV.stack]: this.stackName,
        [ENV.agentNames]: settings.agents.map(({ name }) => name).join(','),
        [ENV.timezone]: settings.timezone,
        ...(settings.alarms.missingHeartbeat === 'off'
          ? {}
          : { [ENV.missingHeartbeatMs]: String(settings.alarms.missingHeartbeat) }),
      },
      memoryMb: 1024,
      statements: stateReportStatements(this, places, settings.report, queues),
    });
  }

  #feed(id: string, props: FedFunctionProps): FedFunction {
    const fed = new FedFunction(this, id, this.#site, props);
    this.#fed.push(fed);
    return fed;
  }

  #run(
    id: string,
    everyMs: number,
    props: Pick<SluiceFunctionProps, 'entry' | 'environment' | 'statements' | 'memoryMb'>,
  ): void {
    const { runtime, environment, scheduleDeadLetters: deadLetters } = this.#site;
    const lambda = new SluiceFunction(this, id, {
      ...props,
      timeout: LONGEST,
      runtime,
      environment: { ...environment, ...props.environment },
      statements: [...props.statements, sendTo('SendDeadLetters', deadLetters)],
    });
    new RunEvery(this, `${id}Schedule`, { target: lambda, everyMs, deadLetters });
    this.#scheduled.push(lambda);
    this.#output(id, lambda.function.functionName);
  }

  #fedOutputs({ label, lambda, work }: FedFunction): void {
    this.#output(label, lambda.function.functionName);
    this.#output(`${label}QueueUrl`, work.queue.queueUrl);
    this.#output(`${label}DlqUrl`, work.deadLetters.queueUrl);
  }

  /** The key stays what it is, whatever the tree of constructs becomes: scripts and tests read it. */
  #output(key: string, value: string): void {
    new CfnOutput(this.#outputs, key, { value }).overrideLogicalId(key);
  }
}
