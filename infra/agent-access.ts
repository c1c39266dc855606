/**
 * What the cloud has for one host: a policy, to be attached to whatever the host signs in as (a role, a role of IAM
 * Roles Anywhere, a user), and for a host that receives a queue that tells it of new objects.
 */
import { Duration, Validations } from 'aws-cdk-lib';
import { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { AgentAccess as AgentSettings } from '#core/settings/agent-access.ts';
import { agentStatements } from './agent-permissions.ts';
import { objectWildcards } from './nag-reasons.ts';
import { WorkQueue } from './work-queue.ts';

/** An agent deletes a message once it has noted the keys; one that dies in between is told again so much later. */
const VISIBILITY = Duration.seconds(30);

export interface AgentAccessProps {
  agent: AgentSettings;
  hubArn: string;
  kmsKeyArn?: string | undefined;
  topic: ITopic;
}

export class AgentAccess extends Construct {
  readonly policy: ManagedPolicy;
  /** Every event of the hub; the agent drops what is not below its prefixes. */
  readonly events: WorkQueue | undefined;

  constructor(scope: Construct, id: string, { agent, hubArn, kmsKeyArn, topic }: AgentAccessProps) {
    super(scope, id);
    if (agent.folders.some(({ mode }) => mode === 'receive')) {
      this.events = new WorkQueue(this, 'Events', { visibilityTimeout: VISIBILITY });
      this.events.tellOf(topic);
    }
    const statements = agentStatements(this, { hubArn, kmsKeyArn }, agent);
    if (this.events !== undefined) {
      const consume = this.events.consumeStatement();
      // To AWS a batch is so many DeleteMessage, and this allows nothing more; the emulator asks for it by its name.
      // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
      consume.addActions('sqs:DeleteMessageBatch');
      statements.push(consume);
    }
    this.policy = new ManagedPolicy(this, 'Policy', {
      description: `What the Sluice agent ${agent.name} may do`,
      statements,
    });
    for (const known of objectWildcards(this.policy, statements)) {
      Validations.of(this.policy).acknowledge(known);
    }
  }
}
