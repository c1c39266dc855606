/** What docs/file-manager.schema.json says of the calls to a file manager, held to the calls themselves. */
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { createHttpFileManager } from '#adapters/file-manager-http.ts';
import { objectKey } from '#core/key.ts';
import { httpService } from '../doubles/http-service.ts';

const key = z.string().min(1).describe('The key: a name, not a path. It can hold every character.');
const calls = z
  .strictObject({
    updatePermissions: z
      .strictObject({
        key,
        permissions: z
          .record(z.string(), z.unknown())
          .describe(
            "What a customer's event has told of the key, or mode, uid and gid of the file it came from.",
          ),
      })
      .describe('Body of POST …/updatePermissions.'),
    saveToDisk: z
      .strictObject({ contentType: z.string().optional(), metadata: z.record(z.string(), z.string()) })
      .describe('The header sluice-attributes of POST …/saveToDisk, decoded; the body is the content.'),
    delete: z.strictObject({ key }).describe('Body of POST …/delete.'),
    rename: z.strictObject({ from: key, to: key }).describe('Body of POST …/rename.'),
  })
  .describe('What Sluice calls a file manager with, by the last part of the URL.');

async function called(): Promise<Record<string, unknown>> {
  const got: Record<string, unknown> = {};
  const { url } = await httpService(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request)).toString();
    const attributes = request.headers['sluice-attributes'];
    const text = typeof attributes === 'string' ? Buffer.from(attributes, 'base64').toString() : body;
    got[request.url?.split('/').at(-1) ?? ''] = JSON.parse(text);
    response.end();
  });
  const fileManager = createHttpFileManager({ url, allowPrivate: true, timeout: 10_000 });
  onTestFinished(() => fileManager.close());
  const [from, to] = [objectKey('a b+ü'), objectKey('b')];
  const head = { key: from, sizeBytes: 1, etag: 'e', lastModifiedMs: 0 };
  const body = {
    [Symbol.asyncIterator]: async function* one() {
      yield Buffer.from('x');
    },
  };
  await fileManager.updatePermissions({ key: from, permissions: { mode: '0644', groups: ['a'] } }, '1');
  await fileManager.saveToDisk({ ...head, contentType: 'text/plain', metadata: { mode: '644' } }, body, '2');
  await fileManager.rename(from, to, '3');
  await fileManager.delete(to, '4');
  return got;
}

describe('a call to a file manager', () => {
  it('is as its schema says', async () => {
    const got = await called();
    expect(calls.parse(got)).toEqual(got);
    expect(got).toMatchObject({ updatePermissions: { key: 'a b+ü' }, rename: { from: 'a b+ü', to: 'b' } });
  });

  it('has a schema in docs/; `npx vitest run -u` writes it anew', async () => {
    const schema = `${JSON.stringify(z.toJSONSchema(calls), null, 2)}\n`;
    await expect(schema).toMatchFileSnapshot('../../docs/file-manager.schema.json');
  });
});
