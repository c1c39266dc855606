import { expect, it } from 'vitest';
import { createPace } from '#adapters/s3/pace.ts';
import { objectKey } from '#core/key.ts';
import { errorAnswer, serveHttp, storeAt } from './scripted-server.ts';

const slowDown = new Error('SlowDown');

/** A store on a clock of its own: `serve` says how long a request takes, given how many are there. */
function simulate(max: number, serve: (atOnce: number) => { takesMs: number; refused?: boolean }) {
  let nowMs = 0;
  let running: { doneMs: number; finish: () => void }[] = [];
  let peak = 0;
  let refused = 0;
  const pace = createPace({ max, isCongestion: (error) => error === slowDown, now: () => nowMs });
  const request = () =>
    pace
      .run(0, () => {
        const answer = serve(running.length + 1);
        return new Promise<void>((resolve, reject) => {
          const finish = answer.refused === true ? () => reject(slowDown) : resolve;
          running.push({ doneMs: nowMs + answer.takesMs, finish });
          peak = Math.max(peak, running.length);
        });
      })
      .catch((error: unknown) => {
        if (error !== slowDown) throw error;
        refused++;
      });
  return {
    pace,
    peak: () => peak,
    refused: () => refused,
    async requests(count: number): Promise<void> {
      const all = Array.from({ length: count }, request);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      while (running.length > 0) {
        nowMs = Math.min(...running.map(({ doneMs }) => doneMs));
        const done = running.filter(({ doneMs }) => doneMs <= nowMs);
        running = running.filter(({ doneMs }) => doneMs > nowMs);
        for (const { finish } of done) finish();
        for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      }
      await Promise.all(all);
    },
  };
}

it('starts small, and grows to the maximum while more requests bring more', async () => {
  const store = simulate(32, () => ({ takesMs: 100 }));
  expect(store.pace.permits()).toBe(16);
  await store.requests(1000);
  expect(store.pace.permits()).toBe(32);
  expect(store.peak()).toBe(32);
});

it('stops growing where more requests bring nothing', async () => {
  // Ten at once are all that this store works on; more only wait inside it.
  const store = simulate(64, (atOnce) => ({ takesMs: 10 * Math.max(10, atOnce) }));
  await store.requests(2000);
  expect(store.pace.permits()).toBeGreaterThanOrEqual(8);
  expect(store.pace.permits()).toBeLessThanOrEqual(20);
});

it('halves once for what one moment of congestion refuses, and never goes below one', async () => {
  const all = simulate(32, () => ({ takesMs: 100, refused: true }));
  await all.requests(4);
  expect(all.pace.permits()).toBe(8);
  await all.requests(50);
  expect(all.pace.permits()).toBe(1);
});

it('grows again when the congestion is over', async () => {
  let over = false;
  const store = simulate(16, () => ({ takesMs: 100, refused: !over }));
  await store.requests(50);
  expect(store.pace.permits()).toBe(1);
  over = true;
  await store.requests(1000);
  expect(store.pace.permits()).toBe(16);
});

it('keeps to a maximum of one', async () => {
  const store = simulate(1, () => ({ takesMs: 1 }));
  await store.requests(100);
  expect(store.peak()).toBe(1);
});

it('does not grow for callers that ask for little', async () => {
  const store = simulate(32, () => ({ takesMs: 100 }));
  for (let one = 0; one < 200; one++) await store.requests(1);
  expect(store.pace.permits()).toBe(16);
});

it('passes failures on that are no congestion, and goes on', async () => {
  const pace = createPace({ max: 4, isCongestion: () => false, now: () => 0 });
  const broken = new Error('broken');
  for (let one = 0; one < 20; one++) {
    await expect(pace.run(0, () => Promise.reject(broken))).rejects.toBe(broken);
  }
  expect(pace.permits()).toBe(4);
  expect(await pace.run(0, async () => 'done')).toBe('done');
});

it('brings every object to a store that refuses more than five requests at once', async () => {
  let atOnce = 0;
  let refused = 0;
  const { endpoint, seen } = await serveHttp((response, request) => {
    if (++atOnce > 5) {
      refused++;
      atOnce--;
      errorAnswer(503, 'SlowDown')(response, request);
      return;
    }
    setTimeout(() => {
      atOnce--;
      const md5 = Buffer.from(String(request.headers['content-md5']), 'base64').toString('hex');
      response.setHeader('etag', `"${md5}"`).end();
    }, 5);
  });
  const retry = { attempts: 12, baseDelayMs: 2, maxDelayMs: 20 };
  const store = storeAt(endpoint, { connections: 64, retry });
  const keys = Array.from({ length: 200 }, (_, index) => objectKey(`k${index}`));
  await Promise.all(keys.map((key) => store.put(key, Buffer.from(key), { metadata: {} })));
  expect(refused).toBeGreaterThan(0);
  // Without a pace, 64 connections of which five are served are refused far more often than not.
  expect(refused / seen.length).toBeLessThan(0.3);
});
