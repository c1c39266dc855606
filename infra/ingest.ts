/** The URL that takes events from outside: webhooks of MinIO, pub/sub pushes, customers' events. */
import { Duration } from 'aws-cdk-lib';
import { FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { ENV } from '#core/names.ts';
import { ingestStatements } from './permissions.ts';
import type { Site } from './site.ts';
import { SluiceFunction } from './sluice-function.ts';

/** Whoever sends waits for the answer. */
const TIMEOUT = Duration.seconds(15);

export class Ingest extends Construct {
  readonly lambda: SluiceFunction;
  readonly url: string;

  /** @param token name of the secret with the bearer token */
  constructor(scope: Construct, id: string, site: Site, token: string) {
    super(scope, id);
    const { topicArn } = site.hub.topic;
    this.lambda = new SluiceFunction(this, 'Lambda', {
      entry: 'ingest',
      timeout: TIMEOUT,
      runtime: site.runtime,
      environment: { ...site.environment, [ENV.topic]: topicArn, [ENV.ingestToken]: token },
      statements: ingestStatements(this, topicArn, token),
    });
    // MinIO and pub/sub services cannot sign as AWS does; the function compares the token itself.
    this.url = this.lambda.function.addFunctionUrl({ authType: FunctionUrlAuthType.NONE }).url;
  }
}
