import { expect, it } from 'vitest';
import { createBandwidth } from '#adapters/s3/bandwidth.ts';
import { objectKey } from '#core/key.ts';
import { serveHttp, storeAt } from './scripted-server.ts';

/** Time stands still but for sleepers, who are woken in the order of their time. */
function fakeClock() {
  let nowMs = 0;
  const sleepers: { atMs: number; wake: () => void }[] = [];
  return {
    now: () => nowMs,
    sleep: (delayMs: number) => new Promise<void>((wake) => sleepers.push({ atMs: nowMs + delayMs, wake })),
    async advance(toMs: number): Promise<void> {
      for (;;) {
        for (let turn = 0; turn < 50; turn++) await Promise.resolve();
        sleepers.sort((left, right) => left.atMs - right.atMs);
        const next = sleepers[0];
        if (next === undefined || next.atMs > toMs) break;
        sleepers.shift();
        nowMs = next.atMs;
        next.wake();
      }
      nowMs = toMs;
    },
  };
}

it('lets no more through than its rate, and a short burst after a pause', async () => {
  const clock = fakeClock();
  const bandwidth = createBandwidth(1000, clock);
  let sent = 0;
  const sender = async () => {
    for (;;) {
      await bandwidth.take(50);
      sent += 50;
    }
  };
  void sender();
  await clock.advance(0);
  expect(sent).toBe(250);
  await clock.advance(2000);
  expect(sent).toBe(2250);
});

it('does not save up what was not used', async () => {
  const clock = fakeClock();
  const bandwidth = createBandwidth(1000, clock);
  await clock.advance(3_600_000);
  let passed = 0;
  for (let asked = 0; asked < 10; asked++) void bandwidth.take(100).then(() => passed++);
  await clock.advance(3_600_000);
  expect(passed).toBe(2);
});

it('shares the rate between transfers, whatever their size', async () => {
  const clock = fakeClock();
  const bandwidth = createBandwidth(80_000, clock);
  const sent = [0, 0, 0];
  const transfer = async (index: number) => {
    for (;;) {
      await bandwidth.take(bandwidth.pieceBytes);
      sent[index] = (sent[index] ?? 0) + bandwidth.pieceBytes;
    }
  };
  for (const index of sent.keys()) void transfer(index);
  await clock.advance(30_000);
  expect(Math.max(...sent) - Math.min(...sent)).toBeLessThanOrEqual(bandwidth.pieceBytes);
  expect(sent.reduce((sum, one) => sum + one)).toBeGreaterThanOrEqual(80_000 * 30);
});

it('counts what stores of one process send and receive, and changes no byte of it', async () => {
  const takes: number[] = [];
  const bandwidth = {
    pieceBytes: 1000,
    take: async (bytes: number) => {
      takes.push(bytes);
    },
  };
  const objects = new Map<string, Buffer>();
  const { endpoint } = await serveHttp((response, { method, url = '', headers, body }) => {
    if (method !== 'PUT') {
      response.setHeader('etag', '"e"').end(objects.get(url));
      return;
    }
    objects.set(url, body);
    response
      .setHeader('etag', `"${Buffer.from(String(headers['content-md5']), 'base64').toString('hex')}"`)
      .end();
  });
  const stores = [storeAt(endpoint, { bandwidth }), storeAt(endpoint, { bandwidth })];
  const content = Buffer.from(Array.from({ length: 4321 }, (_, index) => index % 251));
  for (const [index, store] of stores.entries()) {
    const key = objectKey(`k${index}`);
    await store.put(key, content, { metadata: {} });
    expect(takes.splice(0)).toEqual([1000, 1000, 1000, 1000, 321]);
    const { body } = await store.get(key);
    expect(Buffer.concat(await Array.fromAsync(body)).equals(content)).toBe(true);
    expect(takes.splice(0).reduce((sum, one) => sum + one)).toBe(4321);
  }
});
