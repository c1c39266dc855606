/** A CloudFront distribution of a test, on the emulator, and what it was asked to forget. */
import { randomUUID } from 'node:crypto';
import {
  CloudFrontClient,
  CreateDistributionCommand,
  GetInvalidationCommand,
  ListInvalidationsCommand,
} from '@aws-sdk/client-cloudfront';
import { inject } from 'vitest';

/** MinIO has no CloudFront: beside it the emulator runs for this alone. */
export function cdnEndpoint(): string {
  return inject('cdnEndpoint') ?? inject('endpoint');
}

/** Answers its id. */
export async function newDistribution(): Promise<string> {
  return withClient(async (client) => {
    const created = await client.send(
      new CreateDistributionCommand({
        DistributionConfig: {
          CallerReference: randomUUID(),
          Comment: 'test',
          Enabled: true,
          Origins: { Quantity: 1, Items: [{ Id: 'hub', DomainName: 'hub.s3.amazonaws.com' }] },
          DefaultCacheBehavior: { TargetOriginId: 'hub', ViewerProtocolPolicy: 'redirect-to-https' },
        },
      }),
    );
    return created.Distribution?.Id ?? '';
  });
}

/** The paths of each invalidation, sorted, the first invalidation first. */
export async function invalidationsOf(distribution: string): Promise<string[][]> {
  return withClient(async (client) => {
    const { InvalidationList: list } = await client.send(
      new ListInvalidationsCommand({ DistributionId: distribution, MaxItems: 1000 }),
    );
    const all = await Promise.all(
      (list?.Items ?? []).map(async ({ Id }) => {
        const { Invalidation: one } = await client.send(
          new GetInvalidationCommand({ DistributionId: distribution, Id }),
        );
        return { at: one?.CreateTime, paths: one?.InvalidationBatch?.Paths?.Items?.toSorted() ?? [] };
      }),
    );
    return all.sort((a, b) => Number(a.at) - Number(b.at)).map(({ paths }) => paths);
  });
}

async function withClient<T>(use: (client: CloudFrontClient) => Promise<T>): Promise<T> {
  const client = new CloudFrontClient({
    region: 'us-east-1',
    endpoint: cdnEndpoint(),
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}
