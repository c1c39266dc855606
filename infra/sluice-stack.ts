/** The deployment, in the order of the data path: agents -> hub -> topic -> ledger and mirrors; then what is scheduled. */
import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ENV, pascalCase } from '#core/names.ts';
import type { DeploymentSettings, Destination } from '#core/settings/deployment.ts';
import { AgentAccess } from './agent-access.ts';
import { Consumer } from './consumer.ts';
import { Hub } from './hub.ts';
import { LedgerTable } from './ledger.ts';
import {
  eventReplayStatements,
  mirrorStatements,
  type Places,
  retentionStatements,
  stateReportStatements,
} from './permissions.ts';
import { Reports } from './reports.ts';
import { RunEvery, sendStatement } from './schedule.ts';
import { SluiceFunction } from './sluice-function.ts';

const EVENT_REPLAY_TIMEOUT = Duration.seconds(30);
/** Lambda's longest: one message may be a large copy. */
const MIRROR_TIMEOUT = Duration.minutes(15);
const SCHEDULED_TIMEOUT = Duration.minutes(15);

export interface SluiceStackProps extends StackProps {
  settings: DeploymentSettings;
}

export class SluiceStack extends Stack {
  readonly #settings: DeploymentSettings;
  readonly #outputs: Construct;
  readonly #places: Places;

  constructor(scope: Construct, id: string, { settings, ...props }: SluiceStackProps) {
    super(scope, id, { description: 'Sluice: object storage kept right', ...props });
    this.#settings = settings;
    this.#outputs = new Construct(this, 'Outputs');
    const { removal } = settings;

    const hub = new Hub(this, 'Hub', { ...settings.hub, removal });
    const ledger = new LedgerTable(this, 'Ledger', { removal });
    const reports = new Reports(this, 'Reports', { removal });
    this.#places = {
      hubArn: hub.bucket.bucketArn,
      reportsArn: reports.bucket.bucketArn,
      ledgerArn: ledger.table.tableArn,
    };
    const environment = {
      [ENV.hubBucket]: hub.bucket.bucketName,
      [ENV.reportsBucket]: reports.bucket.bucketName,
      [ENV.ledgerTable]: ledger.table.tableName,
      [ENV.destinationNames]: settings.destinations.map(({ name }) => name).join(','),
    };

    this.#agents(hub);
    this.#eventReplay(hub, environment);
    for (const destination of settings.destinations) this.#mirror(hub, destination, environment);
    this.#scheduled(environment);

    this.#output('HubName', hub.bucket.bucketName);
    this.#output('TopicArn', hub.topic.topicArn);
    this.#output('LedgerName', ledger.table.tableName);
    this.#output('ReportsName', reports.bucket.bucketName);
  }

  #agents({ bucket, topic }: Hub): void {
    if (this.#settings.agents.length === 0) return;
    const agents = new Construct(this, 'Agents');
    for (const agent of this.#settings.agents) {
      const id = `Agent${pascalCase(agent.name)}`;
      const access = new AgentAccess(agents, agent.name, { agent, hubArn: bucket.bucketArn, topic });
      this.#output(`${id}PolicyArn`, access.policy.managedPolicyArn);
      if (access.events === undefined) continue;
      this.#output(`${id}QueueUrl`, access.events.queue.queueUrl);
      this.#output(`${id}DlqUrl`, access.events.deadLetters.queueUrl);
    }
  }

  #eventReplay(hub: Hub, environment: Record<string, string>): void {
    const consumer = new Consumer(this, 'LedgerEvents', { topic: hub.topic, timeout: EVENT_REPLAY_TIMEOUT });
    const replay = new SluiceFunction(this, 'EventReplay', {
      entry: 'event-replay',
      timeout: EVENT_REPLAY_TIMEOUT,
      logLevel: this.#settings.logLevel,
      environment,
      statements: [consumer.consumeStatement(), ...eventReplayStatements(this.#places)],
    });
    consumer.feeds(replay);
    this.#consumerOutputs('EventReplay', consumer, replay);
  }

  #mirror(hub: Hub, destination: Destination, environment: Record<string, string>): void {
    const id = `Mirror${pascalCase(destination.name)}`;
    const consumer = new Consumer(this, `${id}Events`, { topic: hub.topic, timeout: MIRROR_TIMEOUT });
    const mirror = new SluiceFunction(this, id, {
      entry: 'mirror',
      timeout: MIRROR_TIMEOUT,
      logLevel: this.#settings.logLevel,
      environment: { ...environment, [ENV.destination]: JSON.stringify(destination) },
      statements: [consumer.consumeStatement(), ...mirrorStatements(this, this.#places, destination)],
    });
    consumer.feeds(mirror);
    this.#consumerOutputs(id, consumer, mirror);
  }

  #scheduled(environment: Record<string, string>): void {
    const { report, retention, retentionEvery, logLevel } = this.#settings;
    const deadLetters = new Queue(this, 'ScheduleDeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    this.#output('SchedulesDlqUrl', deadLetters.queueUrl);

    const stateReport = new SluiceFunction(this, 'StateReport', {
      entry: 'state-report',
      timeout: SCHEDULED_TIMEOUT,
      logLevel,
      environment,
      statements: [...stateReportStatements(this.#places), sendStatement(deadLetters)],
    });
    new RunEvery(this, 'StateReportSchedule', { target: stateReport, everyMs: report.every, deadLetters });
    this.#output('StateReport', stateReport.function.functionName);

    if (retention.length === 0) return;
    const cleanup = new SluiceFunction(this, 'Retention', {
      entry: 'retention-cleanup',
      timeout: SCHEDULED_TIMEOUT,
      logLevel,
      environment: { ...environment, [ENV.retention]: JSON.stringify(retention) },
      statements: [...retentionStatements(this.#places), sendStatement(deadLetters)],
    });
    new RunEvery(this, 'RetentionSchedule', { target: cleanup, everyMs: retentionEvery, deadLetters });
    this.#output('Retention', cleanup.function.functionName);
  }

  #consumerOutputs(id: string, consumer: Consumer, { function: { functionName } }: SluiceFunction): void {
    this.#output(id, functionName);
    this.#output(`${id}QueueUrl`, consumer.queue.queueUrl);
    this.#output(`${id}DlqUrl`, consumer.deadLetters.queueUrl);
  }

  /** The key stays what it is, whatever the tree of constructs becomes: scripts and tests read it. */
  #output(key: string, value: string): void {
    new CfnOutput(this.#outputs, key, { value }).overrideLogicalId(key);
  }
}
