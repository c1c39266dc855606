/**
 * Sluice inside a stack of your own: files move as with `npm run deploy`, and what else you have takes part.
 * `npx cdk synth --app 'node examples/own-stack/app.ts'`
 */
import { App, Stack, type StackProps } from 'aws-cdk-lib';
import { EmailSubscription, SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { Sluice } from '../../infra/sluice.ts';

class FilesStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);

    // The same settings as in sluice.yaml, typed; what is wrong with them is said at synth, all at once.
    const files = new Sluice(this, 'Files', {
      destinations: [{ name: 'backup', bucket: 'example-backup', deletes: false }],
      agents: [{ name: 'edge-1', folders: [{ prefix: 'output/', mode: 'move' }] }],
      retention: [{ name: 'old-output', prefix: 'output/', olderThan: '90d' }],
    });

    // A consumer of your own, told of each change in the hub beside Sluice's.
    const thumbnails = new Queue(this, 'Thumbnails', { enforceSSL: true });
    files.topic.addSubscription(new SqsSubscription(thumbnails, { rawMessageDelivery: true }));

    files.alarms.addSubscription(new EmailSubscription('operations@example.com'));
  }
}

const app = new App();
new FilesStack(app, 'example-files');
app.synth();
