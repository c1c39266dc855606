/** SDK clients for the account and region that the AWS chain names, each made when it is first used. */
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

export interface Clients {
  cloudFormation(): CloudFormationClient;
  dynamo(): DynamoDBDocumentClient;
  lambda(): LambdaClient;
  logs(): CloudWatchLogsClient;
  s3(): S3Client;
  secrets(): SecretsManagerClient;
  sns(): SNSClient;
  sqs(): SQSClient;
  close(): void;
}

/** Lambda's longest run: an invocation that is waited for answers only at its end. */
const INVOCATION_MS = 900_000;

export function createClients(environment: Readonly<Record<string, string | undefined>>): Clients {
  const made: { destroy(): void }[] = [];
  // Path style where an emulator stands in for AWS: its host name has no bucket in front.
  const emulated = (environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL) !== undefined;
  function lazily<Client extends { destroy(): void }>(make: () => Client): () => Client {
    let client: Client | undefined;
    return () => {
      if (client === undefined) {
        client = make();
        made.push(client);
      }
      return client;
    };
  }
  return {
    cloudFormation: lazily(() => new CloudFormationClient()),
    dynamo: lazily(() => DynamoDBDocumentClient.from(new DynamoDBClient())),
    // A second try would start a second run.
    lambda: lazily(
      () => new LambdaClient({ maxAttempts: 1, requestHandler: { requestTimeout: INVOCATION_MS } }),
    ),
    logs: lazily(() => new CloudWatchLogsClient()),
    s3: lazily(() => new S3Client({ forcePathStyle: emulated })),
    secrets: lazily(() => new SecretsManagerClient()),
    sns: lazily(() => new SNSClient()),
    // The URL of an output is a name: the requests go to the endpoint of the chain.
    sqs: lazily(() => new SQSClient({ useQueueUrlAsEndpoint: false })),
    close() {
      for (const client of made) client.destroy();
    },
  };
}
