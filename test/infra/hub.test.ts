import { expect, test } from 'vitest';
import { synthesise } from './template.ts';

/** The lifecycle rules of the hub. */
function rulesOf(settings: unknown): unknown[] {
  const buckets = synthesise(settings).ofType('AWS::S3::Bucket');
  const [, hub] = buckets.find(([id]) => id.startsWith('Hub')) ?? [];
  return hub?.Properties.LifecycleConfiguration.Rules;
}

const ABORT = { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 }, Status: 'Enabled' };

test.each([
  ['30 days', {}, 30],
  ['as many days as asked', { hub: { noncurrentVersions: '7d' } }, 7],
])(
  'old versions and lone delete markers go after %s, and nothing current does',
  (_, settings, days) => {
    expect(rulesOf(settings)).toEqual([
      ABORT,
      {
        ExpiredObjectDeleteMarker: true,
        NoncurrentVersionExpiration: { NoncurrentDays: days },
        Status: 'Enabled',
      },
    ]);
  },
  120_000,
);

test('old versions are kept for ever when asked', () => {
  expect(rulesOf({ hub: { noncurrentVersions: 'off' } })).toEqual([ABORT]);
}, 120_000);
