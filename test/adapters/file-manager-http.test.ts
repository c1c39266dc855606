import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpFileManager } from '#adapters/file-manager-http.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectHead } from '#core/ports.ts';
import { type FileManagerOptions, startFileManager } from '../../infra/local/file-manager.ts';
import { httpService } from '../doubles/http-service.ts';

const ODD_KEYS = [
  'a b+c.txt',
  'über/日本/😀.txt',
  'quote\'"<script>.txt',
  '../up',
  '/absolute',
  'new\nline\ttab\u0000nul',
  '100%/%2F?x=1#y&z',
  'k'.repeat(1024),
  'é'.repeat(512),
];

async function world(options: FileManagerOptions = {}, signingKey = options.signingKey) {
  const server = await startFileManager(options);
  const slept: number[] = [];
  const fileManager = createHttpFileManager(
    { url: `${server.url}/`, allowPrivate: true, timeout: 10_000 },
    signingKey === undefined ? undefined : async () => signingKey,
    { clock: { sleep: async (delayMs) => void slept.push(delayMs), random: () => 0.5 } },
  );
  onTestFinished(async () => {
    await fileManager.close();
    await server.stop();
  });
  return { server, fileManager, slept };
}

function headOf(key: string, content: Buffer, fields: Partial<ObjectHead> = {}): ObjectHead {
  return {
    key: objectKey(key),
    sizeBytes: content.length,
    etag: 'e',
    lastModifiedMs: 0,
    metadata: {},
    ...fields,
  };
}

async function* once(content: Buffer): AsyncGenerator<Uint8Array> {
  yield content;
}

/** Can be read from the start again, as what deliver hands over can. */
function again(content: Buffer): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => once(content) };
}

describe('the file manager over HTTP', () => {
  it.each(ODD_KEYS)('is told of every key as it is: %j', async (text) => {
    const { server, fileManager } = await world({ signingKey: 's' });
    const content = Buffer.from(`content of ${text}`);
    const key = objectKey(text);
    await fileManager.updatePermissions({ key, permissions: { mode: '0644' } }, 'id-1');
    await fileManager.saveToDisk(headOf(text, content), again(content), 'id-2');
    const sha256 = createHash('sha256').update(content).digest('hex');
    expect(server.files().get(text)).toMatchObject({
      sizeBytes: content.length,
      sha256,
      permissions: { mode: '0644' },
    });
    await fileManager.rename(key, objectKey('to'), 'id-3');
    expect([...server.files().keys()]).toEqual(['to']);
    await fileManager.delete(objectKey('to'), 'id-4');
    expect(server.files().size).toBe(0);
    expect(server.calls().map(({ op }) => op)).toEqual([
      'updatePermissions',
      'saveToDisk',
      'rename',
      'delete',
    ]);
  });

  it('is given what travels with the content', async () => {
    const { server, fileManager } = await world();
    const metadata = { mtime: '1.5', note: 'grüße 日本', long: 'x'.repeat(2000) };
    const head = headOf('k', Buffer.from('abc'), {
      etag: 'etag-9',
      contentType: 'text/plain; charset="ü"',
      metadata,
    });
    await fileManager.saveToDisk(head, again(Buffer.from('abc')), 'id');
    expect(server.files().get('k')).toMatchObject({
      etag: 'etag-9',
      attributes: { contentType: 'text/plain; charset="ü"', metadata },
    });
  });

  it('keeps an empty file', async () => {
    const { server, fileManager } = await world({ signingKey: 's' });
    await fileManager.saveToDisk(headOf('k', Buffer.alloc(0)), again(Buffer.alloc(0)), 'id');
    expect(server.files().get('k')).toMatchObject({ sizeBytes: 0 });
  });

  it('is asked again with the same idempotency key while it fails, and does it once', async () => {
    const { server, fileManager, slept } = await world();
    server.fail({ status: 503, times: 1, applied: true });
    const content = Buffer.from('abc');
    await fileManager.saveToDisk(headOf('k', content), again(content), 'id');
    expect(slept).toHaveLength(1);
    expect(server.calls()).toMatchObject([
      { idempotencyKey: 'id', status: 503, repeated: false },
      { idempotencyKey: 'id', status: 200, repeated: true },
    ]);
    expect(server.files().get('k')).toMatchObject({ sizeBytes: 3 });
  });

  it('that does not have a file is done deleting it', async () => {
    const { server, fileManager } = await world();
    server.fail({ status: 404, times: 1 });
    await fileManager.delete(objectKey('k'), 'id');
    server.fail({ status: 404, times: 1 });
    await expect(fileManager.rename(objectKey('k'), objectKey('l'), 'id-2')).rejects.toMatchObject({
      code: 'HTTP 404',
      key: 'l',
      retryable: false,
    });
  });

  it('takes no call that is signed with another key, or not at all', async () => {
    const refused = { code: 'HTTP 401', retryable: false };
    const other = await world({ signingKey: 'right' }, 'wrong');
    await expect(other.fileManager.delete(objectKey('k'), 'id')).rejects.toMatchObject(refused);
    const { server, fileManager } = await world({ signingKey: 'right' });
    await fileManager.delete(objectKey('k'), 'id');
    const unsigned = await fetch(`${server.url}/delete`, {
      method: 'POST',
      headers: { 'idempotency-key': 'id', 'content-type': 'application/json' },
      body: '{"key":"k"}',
    });
    expect(unsigned.status).toBe(401);
  });

  it('never learns the signing key, and neither does an error', async () => {
    const { server, fileManager } = await world({ signingKey: 'geheim' });
    server.fail({ status: 400, times: 1 });
    const error = await fileManager.delete(objectKey('k'), 'id').catch((failure: unknown) => failure);
    expect(JSON.stringify([error, String(error), server.calls()])).not.toContain('geheim');
  });

  it('is sent no incomplete content as complete', async () => {
    const { server, fileManager } = await world();
    const head = headOf('k', Buffer.from('abcdef'));
    await expect(fileManager.saveToDisk(head, again(Buffer.from('abc')), 'id')).rejects.toThrow();
    expect(server.files().size).toBe(0);
  });

  it('is sent 1 GiB, and no more of it is read ahead than a few MiB', async () => {
    const MIB = 1024 * 1024;
    let [read, arrived, mostAhead] = [0, 0, 0];
    const service = await httpService(async (request, response) => {
      for await (const chunk of request) arrived += chunk.length;
      response.end();
    });
    const piece = Buffer.alloc(MIB, 'x');
    const body = {
      async *[Symbol.asyncIterator]() {
        for (let index = 0; index < 1024; index++) {
          read += piece.length;
          mostAhead = Math.max(mostAhead, read - arrived);
          yield piece;
        }
      },
    };
    const fileManager = createHttpFileManager({ url: service.url, allowPrivate: true, timeout: 10_000 });
    onTestFinished(() => fileManager.close());
    await fileManager.saveToDisk({ ...headOf('big', Buffer.alloc(0)), sizeBytes: 1024 * MIB }, body, 'id');
    expect(arrived).toBe(1024 * MIB);
    // What the sockets of this machine hold is part of it.
    expect(mostAhead).toBeLessThan(32 * MIB);
  });
});
