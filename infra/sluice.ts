/**
 * Everything that one sluice.yaml describes, as a construct for any stack, in the order of the data path: agents -> hub
 * -> topic -> ledger, mirrors, CDN; then what is scheduled.
 */
import { CfnOutput, Duration, Stack, Tags } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import * as z from 'zod';
import { ENV, pascalCase } from '#core/names.ts';
import { START_MESSAGE } from '#core/reconcile-message.ts';
import { type DeploymentSettings, deploymentSettings } from '#core/settings/deployment.ts';
import type { Destination } from '#core/settings/destination.ts';
import { reportSchema } from '#core/settings/http-target.ts';
import { formatProblems, parseSettings } from '#core/settings/problems.ts';
import { retentionRules } from '#core/settings/retention-rule.ts';
import { AgentAccess } from './agent-access.ts';
import { Alarms, type Labelled } from './alarms.ts';
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
import { allowAll, sendTo } from './statements.ts';
import type { WorkQueue } from './work-queue.ts';

/** What sluice.yaml says, but the name: a construct goes by its stack's. Durations are texts such as `30s` or `5m`. */
export type SluiceProps = Omit<z.input<typeof deploymentSettings>, 'name'>;

export class Sluice extends Construct {
  /** The bucket that everything meets in; absent where it is one of another store (`hub.endpoint`). */
  readonly hub: Bucket | undefined;
  /** Tells of each change to the hub: subscribe consumers of your own. */
  readonly topic: Topic;
  /** One row a key. Read it, never write it. */
  readonly ledger: Table;
  /** Reports, journal and the records of removals. */
  readonly reports: Bucket;
  /** Told of every alarm, when it begins and when it ends. */
  readonly alarms: Topic;
  readonly #site: Site;
  readonly #outputs: Construct;
  readonly #fed: FedFunction[] = [];
  readonly #scheduled: Labelled[] = [];
  /** Queues that agents empty. */
  readonly #inboxes: WorkQueue[] = [];

  /** @throws Error that names every setting that is wrong, or when the stack has a Sluice already */
  constructor(scope: Construct, id: string, props: SluiceProps = {}) {
    super(scope, id);
    const settings = settingsOf(props, this.node.path);
    const { removal, fileManager, cdn, ingest } = settings;
    this.#outputs = outputsOf(Stack.of(this));

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
      this.#scheduled.push({ label: 'Ingest', lambda });
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

    this.hub = hub.bucket;
    this.topic = hub.topic;
    this.ledger = ledger.table;
    this.reports = reports.bucket;
    this.alarms = alarms.topic;
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
    const { role } = this.#run('StateReport', settings.report.every, {
      entry: 'state-report',
      environment: {
        [ENV.report]: JSON.stringify(z.encode(reportSchema, settings.report)),
        [ENV.agentNames]: settings.agents.map(({ name }) => name).join(','),
        [ENV.timezone]: settings.timezone,
        ...(settings.alarms.missingHeartbeat === 'off'
          ? {}
          : { [ENV.missingHeartbeatMs]: String(settings.alarms.missingHeartbeat) }),
      },
      memoryMb: 1024,
      statements: stateReportStatements(this, places, settings.report),
    });
    // Beside the role's own policy, which has room for 10,240 characters: many queues are more, 40 fit into each of these.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    for (let at = 0; at < queues.length; at += QUEUES_A_POLICY) {
      new ManagedPolicy(this, `StateReportDepths${at / QUEUES_A_POLICY}`, {
        roles: [role],
        statements: allowAll('Depths', ['sqs:GetQueueAttributes'], queues.slice(at, at + QUEUES_A_POLICY)),
      });
    }
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
  ): SluiceFunction {
    const { runtime, environment, scheduleDeadLetters: deadLetters } = this.#site;
    const lambda = new SluiceFunction(this, id, {
      ...props,
      timeout: LONGEST,
      runtime,
      environment: { ...environment, ...props.environment },
      statements: [...props.statements, sendTo('SendDeadLetters', deadLetters)],
    });
    new RunEvery(this, `${id}Schedule`, { target: lambda, everyMs, deadLetters });
    this.#scheduled.push({ label: id, lambda });
    this.#output(id, lambda.function.functionName);
    return lambda;
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

const OUTPUTS = 'Outputs';
const QUEUES_A_POLICY = 40;

/** At the stack, whose outputs they are: `ops` finds everything by them, so a stack has room for one Sluice. */
function outputsOf(stack: Stack): Construct {
  if (stack.node.tryFindChild(OUTPUTS) !== undefined) {
    throw new Error(`${stack.stackName}: a stack has room for one Sluice; give the other a stack of its own`);
  }
  return new Construct(stack, OUTPUTS);
}

function settingsOf(props: SluiceProps, path: string): DeploymentSettings {
  const answer = parseSettings(deploymentSettings, props);
  if ('settings' in answer) return answer.settings;
  throw new Error(formatProblems(path, answer.problems));
}
