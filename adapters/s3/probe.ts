/** What a store really does, tried on objects of a few bytes: names and versions of servers do not tell. */
import { createHash, randomUUID } from 'node:crypto';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { StoreCapabilities } from '#core/ports.ts';
import { crc32Base64 } from '../crc32.ts';
import { unquote } from './headers.ts';
import { responseError } from './s3-error.ts';
import { createWire, type Wire, type WireOptions, type WireResponse } from './wire.ts';

const BODY = new TextEncoder().encode('sluice');
const OTHER_BODY = new TextEncoder().encode('weir');
const OTHER_ETAG = '00000000000000000000000000000000';
/** How stores refuse a header, or what it asks for, that they do not know. */
const UNKNOWN_HEADER = [400, 501];
const BAD_CHECKSUM = new Set(['BadDigest', 'InvalidDigest', 'XAmzContentChecksumMismatch']);

/**
 * Writes and removes objects named `${prefix}.sluice-probe-<uuid>`; on a versioned bucket also their versions, where
 * the credentials may.
 *
 * @throws SyncError for every refusal that is no answer to the question, such as `AccessDenied`, and when the store
 *   cannot be reached: then nothing is known about it.
 */
export async function probeStore(options: WireOptions, prefix: string): Promise<StoreCapabilities> {
  const wire = createWire(options);
  const probe = createProbe(wire, objectKey(`${prefix}.sluice-probe-${randomUUID()}`));
  try {
    let capabilities: StoreCapabilities;
    try {
      capabilities = await probe.ask();
    } catch (error) {
      // The first failure says more than one of the cleanup that has the same reason.
      await probe.remove().catch(onlySyncErrors);
      throw error;
    }
    await probe.remove();
    return capabilities;
  } finally {
    await wire.close();
  }
}

function createProbe(wire: Wire, key: string) {
  const versionIds = new Set<string>();

  async function send(
    method: 'PUT' | 'DELETE',
    headers: Record<string, string>,
    accept: readonly number[] = [],
  ): Promise<WireResponse> {
    const put = method === 'PUT';
    const op = put ? 'PutObject' : 'DeleteObject';
    const md5 = createHash('md5').update(BODY).digest('base64');
    const response = await wire.send(
      {
        op,
        method,
        key,
        ...(put ? { body: BODY } : {}),
        headers: { ...headers, ...(put ? { 'content-md5': md5 } : {}) },
      },
      accept,
    );
    const versionId = response.headers['x-amz-version-id'];
    if (versionId !== undefined) versionIds.add(versionId);
    if (response.status < 300) await response.body.dump();
    return response;
  }

  /** The right checksum must be taken and a wrong one refused for its own sake. */
  async function refusesWrongCrc32(): Promise<boolean> {
    const right = await send('PUT', { 'x-amz-checksum-crc32': crc32Base64(BODY) }, UNKNOWN_HEADER);
    if (right.status >= 300) return declined(right);
    const wrong = await send('PUT', { 'x-amz-checksum-crc32': crc32Base64(OTHER_BODY) }, UNKNOWN_HEADER);
    if (wrong.status < 300) return false;
    const { code = '' } = await responseError(wrong, 'PutObject', key, wire.bucket);
    return BAD_CHECKSUM.has(code);
  }

  async function refusesSecondPut(): Promise<boolean> {
    const again = await send('PUT', { 'if-none-match': '*' }, [412, ...UNKNOWN_HEADER]);
    if (again.status < 300) return false;
    await again.body.dump();
    return again.status === 412;
  }

  /** It must keep the object that changed, and remove the one that did not. */
  async function deletesByEtag(etag: string): Promise<boolean> {
    const accepted = [404, 412, ...UNKNOWN_HEADER];
    const other = await send('DELETE', { 'if-match': `"${OTHER_ETAG}"` }, accepted);
    if (other.status >= 300) await other.body.dump();
    if (other.status !== 412 || (await status()) !== 200) return false;
    const same = await send('DELETE', { 'if-match': `"${etag}"` }, accepted);
    if (same.status >= 300) await same.body.dump();
    return same.status < 300 && (await status()) === 404;
  }

  async function status(): Promise<number> {
    const response = await wire.send({ op: 'HeadObject', method: 'HEAD', key }, [404]);
    await response.body.dump();
    return response.status;
  }

  async function declined(response: WireResponse): Promise<false> {
    await response.body.dump();
    return false;
  }

  return {
    async ask(): Promise<StoreCapabilities> {
      const plain = await send('PUT', {});
      const versionId = plain.headers['x-amz-version-id'];
      const crc32 = await refusesWrongCrc32();
      const conditionalPut = await refusesSecondPut();
      const last = await send('PUT', {});
      return {
        crc32,
        conditionalPut,
        conditionalDelete: await deletesByEtag(unquote(last.headers.etag ?? '')),
        versions: versionId !== undefined && versionId !== 'null',
        encryption: plain.headers['x-amz-server-side-encryption'] ?? 'none',
      };
    },

    async remove(): Promise<void> {
      await send('DELETE', {}, [404]);
      for (const versionId of versionIds) {
        const query = { versionId };
        // Many an agent may not delete versions; the bucket's lifecycle removes them.
        const response = await wire.send(
          { op: 'DeleteObject', method: 'DELETE', key, query },
          [400, 403, 404],
        );
        await response.body.dump();
        if (response.status === 403) return;
      }
    },
  };
}

function onlySyncErrors(error: unknown): void {
  if (!(error instanceof SyncError)) throw error;
}
