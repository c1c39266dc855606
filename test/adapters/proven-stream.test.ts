import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { provenStream } from '#adapters/proven-stream.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectHead } from '#core/ports.ts';

const CHUNKS = ['one ', 'two ', 'three'];
const WHOLE = CHUNKS.join('');

function source(checksums: Pick<ObjectHead, 'md5' | 'crc32'>): ObjectHead {
  const head = { key: objectKey('k'), sizeBytes: WHOLE.length, etag: 'e', lastModifiedMs: 0, metadata: {} };
  return { ...head, ...checksums };
}

async function* body(chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** What came before the stream ended or failed. */
async function read(
  chunks: readonly string[],
  head: ObjectHead,
): Promise<{ text: string; failure?: unknown }> {
  let text = '';
  try {
    for await (const chunk of provenStream(body(chunks), head)) text += String(Buffer.from(chunk));
  } catch (failure) {
    return { text, failure };
  }
  return { text };
}

const sum = Buffer.alloc(4);
sum.writeUInt32BE(crc32(WHOLE));
const checksums: [string, Pick<ObjectHead, 'md5' | 'crc32'>][] = [
  ['an MD5', { md5: hash('md5', WHOLE) }],
  ['a CRC-32', { crc32: sum.toString('base64') }],
];

it.each(checksums)('passes on what agrees with %s', async (_what, sums) => {
  expect(await read(CHUNKS, source(sums))).toEqual({ text: WHOLE });
});

it.each(checksums)('never completes what does not agree with %s', async (_what, sums) => {
  const { text, failure } = await read(['one ', 'twO ', 'three'], source(sums));
  expect(text.length).toBeLessThan(WHOLE.length);
  expect(failure).toMatchObject({ code: 'ChecksumMismatch', retryable: true });
});

it('passes on what no checksum of the whole is known of', async () => {
  expect(await read(CHUNKS, source({}))).toEqual({ text: WHOLE });
  expect(await read(CHUNKS, source({ crc32: 'AAAAAA==-2' }))).toEqual({ text: WHOLE });
});

it('answers nothing of an empty object', async () => {
  expect(await read([], source({ md5: hash('md5', '') }))).toEqual({ text: '' });
});
