/** Has a MinIO tell its webhook of a bucket's changes. */
import { PutBucketNotificationConfigurationCommand, type S3Client } from '@aws-sdk/client-s3';
import { expect } from 'vitest';

/**
 * Its targets are there a moment after it says that it is healthy; until then it knows no such ARN.
 *
 * @param target as its environment names it: `SLUICE`
 */
export async function tellWebhook(s3: S3Client, Bucket: string, target: string): Promise<void> {
  const QueueArn = `arn:minio:sqs::${target}:webhook`;
  const Events = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'] as const;
  const request = new PutBucketNotificationConfigurationCommand({
    Bucket,
    NotificationConfiguration: { QueueConfigurations: [{ QueueArn, Events: [...Events] }] },
  });
  const answer = () =>
    s3.send(request).then(
      () => 'taken',
      (error: Error) => error.name,
    );
  await expect.poll(answer, { timeout: 20_000, interval: 100 }).toBe('taken');
}
