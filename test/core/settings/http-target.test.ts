import { expect, it } from 'vitest';
import { shareOfKeys } from '#core/settings/http-target.ts';

it('shares the keys in work among function instances, never more than set', () => {
  expect(shareOfKeys({ concurrency: 2 })).toEqual({ instances: 2, keysEach: 1 });
  expect(shareOfKeys({ concurrency: 5 })).toEqual({ instances: 2, keysEach: 2 });
  expect(shareOfKeys({ concurrency: 1000 })).toEqual({ instances: 100, keysEach: 10 });
  for (let concurrency = 2; concurrency <= 1000; concurrency++) {
    const { instances, keysEach } = shareOfKeys({ concurrency });
    expect(instances * keysEach).toBeLessThanOrEqual(concurrency);
    expect(instances * keysEach).toBeGreaterThan(concurrency / 2);
    expect(instances).toBeGreaterThanOrEqual(2);
  }
});
