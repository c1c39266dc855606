/** How far an upload in parts has come, as the hub knows it: what a person cannot see in the bucket. */
import { ListMultipartUploadsCommand, ListPartsCommand } from '@aws-sdk/client-s3';
import type { Clients } from '../../ops/clients.ts';

/** Parts of the key that the hub holds; 0 when no upload of it is open. */
export async function partsHeld(clients: Clients, bucket: string, key: string): Promise<number> {
  const { Uploads = [] } = await clients
    .s3()
    .send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key }));
  const open = Uploads.find((one) => one.Key === key);
  if (open === undefined) return 0;
  const { Parts = [] } = await clients
    .s3()
    .send(new ListPartsCommand({ Bucket: bucket, Key: key, UploadId: open.UploadId }));
  return Parts.length;
}
