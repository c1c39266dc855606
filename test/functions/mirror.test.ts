import { expect, it } from 'vitest';
import { hintsOf } from '../../functions/mirror.ts';
import { objectEvent } from '../doubles/s3-event.ts';

it('an event says whether tags may have changed, who asks, and whether a delete was approved', () => {
  const none = { tagging: false, look: false, approved: false };
  expect(hintsOf([objectEvent({ kind: 'removed', name: 'ObjectRemoved:Delete' })])).toEqual(none);
  expect(hintsOf([objectEvent(), objectEvent({ kind: 'other', name: 'ObjectTagging:Put' })])).toEqual({
    ...none,
    tagging: true,
  });
  expect(hintsOf([objectEvent({ kind: 'other', name: 'ObjectTagging:Delete' })])).toEqual({
    ...none,
    tagging: true,
  });
  expect(hintsOf([objectEvent({ kind: 'look', name: 'Look: x' })])).toEqual({ ...none, look: true });
  expect(hintsOf([objectEvent({ kind: 'look', approvedBy: 'run' }), objectEvent()])).toEqual({
    ...none,
    look: true,
    approved: true,
  });
});

it('the last of events that tell of nothing but new states names the state to copy', () => {
  const first = objectEvent({ etag: 'a', sizeBytes: 1 });
  const last = objectEvent({ etag: 'b', sizeBytes: 2, timeMs: 3, versionId: 'v', name: 'ObjectCreated:Put' });
  expect(hintsOf([first, last]).seen).toEqual({
    etag: 'b',
    sizeBytes: 2,
    lastModifiedMs: 3,
    versionId: 'v',
    sent: true,
  });
  for (const other of ['removed', 'look', 'other'] as const) {
    expect(hintsOf([objectEvent({ kind: other }), last]).seen, other).toBeUndefined();
    expect(hintsOf([last, objectEvent({ kind: other })]).seen, other).toBeUndefined();
  }
});

it.each(['ObjectCreated:Copy', 'ObjectCreated:CompleteMultipartUpload'])(
  'what came by %s may be of another mirror, and is looked at before it is copied on',
  (name) => {
    expect(hintsOf([objectEvent({ name })]).seen?.sent).toBe(false);
  },
);
