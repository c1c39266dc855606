/** What the page asks of the cloud at each look: the hub's objects, the queues, the CDN. */
import {
  CloudFrontClient,
  GetInvalidationCommand,
  ListInvalidationsCommand,
} from '@aws-sdk/client-cloudfront';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { isReserved } from '#core/names.ts';
import type { Clients } from '../../ops/clients.ts';
import type { Consumer } from '../../ops/consumers.ts';
import { depthsOf } from '../../ops/queues.ts';
import type { QueueState, Snapshot } from './snapshot.ts';

/** A page of a listing has 1,000 keys; beyond so many pages the count is a lower bound. */
const MAX_PAGES = 5;

export async function readQueues(clients: Clients, consumers: readonly Consumer[]): Promise<QueueState[]> {
  const depths = await depthsOf(clients, consumers);
  return depths.flatMap(({ name, queue, deadLetters = 0 }) =>
    queue === undefined ? [] : [{ name, ...queue, deadLetters }],
  );
}

/** Users' objects; what is Sluice's own is not counted. */
export async function readHub(clients: Clients, bucket: string): Promise<NonNullable<Snapshot['hub']>> {
  const counted = { objects: 0, bytes: 0 };
  let after: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { Contents = [], IsTruncated } = await clients
      .s3()
      .send(new ListObjectsV2Command({ Bucket: bucket, StartAfter: after }));
    for (const { Key = '', Size = 0 } of Contents) {
      if (isReserved(Key)) continue;
      counted.objects++;
      counted.bytes += Size;
    }
    after = Contents.at(-1)?.Key;
    if (IsTruncated !== true || after === undefined) return { ...counted, isAll: true };
  }
  return { ...counted, isAll: false };
}

export interface CdnReader {
  /** The counts; the paths of invalidations that were not there at the last look are told. */
  read(onPaths: (paths: string[]) => void): Promise<NonNullable<Snapshot['cdn']>>;
  close(): void;
}

export function createCdnReader(distribution: string): CdnReader {
  const client = new CloudFrontClient();
  const seen = new Set<string>();
  let isFirst = true;
  return {
    async read(onPaths) {
      const { InvalidationList } = await client.send(
        new ListInvalidationsCommand({ DistributionId: distribution }),
      );
      const items = InvalidationList?.Items ?? [];
      for (const { Id = '' } of items) {
        if (seen.has(Id)) continue;
        seen.add(Id);
        if (isFirst) continue;
        const { Invalidation } = await client.send(
          new GetInvalidationCommand({ DistributionId: distribution, Id }),
        );
        onPaths(Invalidation?.InvalidationBatch?.Paths?.Items ?? []);
      }
      isFirst = false;
      const inProgress = items.filter(({ Status }) => Status !== 'Completed').length;
      return { distribution, invalidations: seen.size, inProgress };
    },
    close: () => client.destroy(),
  };
}
