import { expect, it } from 'vitest';
import { hintsOf } from '../../functions/mirror.ts';
import { objectEvent } from '../doubles/s3-event.ts';

it('an event says whether tags may have changed, who asks, and whether a delete was approved', () => {
  const none = { tagging: false, look: false, approved: false };
  expect(hintsOf([objectEvent()])).toEqual(none);
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
