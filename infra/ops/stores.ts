/** Objects of the stack's buckets, wherever they are. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  NoSuchKey,
  NotFound,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { SyncError } from '#core/errors.ts';
import type { Clients } from './clients.ts';
import type { Place } from './deployed.ts';

export interface Store {
  /** Throws when the bucket is not there or may not be read. */
  check(): Promise<void>;
  /** The text of an object; `undefined` when there is none. */
  text(key: string): Promise<string | undefined>;
  exists(key: string): Promise<boolean>;
  put(key: string, text: string): Promise<void>;
  delete(key: string): Promise<void>;
  /** Keys below the prefix, in their order. */
  keys(prefix: string, after?: string): AsyncIterable<string>;
}

const keys = z.object({ accessKeyId: z.string(), secretAccessKey: z.string() });

/** A bucket of another store is reached with the keys of its secret; one of AWS with those of the AWS chain. */
export async function openStore(clients: Clients, place: Place): Promise<Store> {
  return storeOf(place.endpoint === undefined ? clients.s3() : await clientOf(clients, place), place.bucket);
}

export function reportsStore(clients: Clients, bucket: string): Store {
  return storeOf(clients.s3(), bucket);
}

function storeOf(s3: S3Client, Bucket: string): Store {
  return {
    async check() {
      await s3.send(new HeadBucketCommand({ Bucket }));
    },
    async text(Key) {
      try {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        return await Body?.transformToString();
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
    async exists(Key) {
      try {
        await s3.send(new HeadObjectCommand({ Bucket, Key }));
        return true;
      } catch (error) {
        if (error instanceof NotFound) return false;
        throw error;
      }
    },
    async put(Key, text) {
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: text, ContentType: 'text/plain' }));
    },
    async delete(Key) {
      await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    },
    async *keys(Prefix, after) {
      const pages = paginateListObjectsV2(
        { client: s3, stopOnSameToken: true },
        { Bucket, Prefix, ...(after === undefined ? {} : { StartAfter: after }) },
      );
      for await (const { Contents = [] } of pages) {
        for (const { Key } of Contents) if (Key !== undefined) yield Key;
      }
    },
  };
}

async function clientOf(
  clients: Clients,
  { bucket, endpoint = '', region, credentials }: Place,
): Promise<S3Client> {
  const { SecretString = '' } = await clients
    .secrets()
    .send(new GetSecretValueCommand({ SecretId: credentials ?? '' }));
  return new S3Client({
    endpoint,
    region: region ?? 'us-east-1',
    forcePathStyle: true,
    credentials: parseKeys(credentials ?? '', SecretString),
    // Others than AWS refuse checksums that they do not know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  function parseKeys(secret: string, text: string) {
    try {
      return keys.parse(JSON.parse(text));
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
      // Neither error goes on: the first quotes the text, which is the secret.
      throw new SyncError(`secret ${secret} of bucket ${bucket} has no keys`, {
        op: 'read-secret',
        retryable: false,
        hint: 'It must hold JSON {"accessKeyId": "…", "secretAccessKey": "…"}.',
      });
    }
  }
}
