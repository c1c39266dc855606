import { describe, expect, it } from 'vitest';
import { type EventMark, orderOfEvents } from '#core/sequencer.ts';

const mark = (sequencer: string, etag = 'e', timeMs = 1): EventMark => ({ sequencer, etag, timeMs });

describe('the order of two events of one key', () => {
  it.each([
    ['01', '02', 'older'],
    ['0a', '09', 'newer'],
    ['0B', '0a', 'newer'],
    ['FF', 'ff', 'same'],
    ['0055AED6DCD90281E5', '0055AED6DCD90281E4', 'newer'],
    // Left-padded 9 < 10; right-padded 90 > 10: nobody can tell which is meant.
    ['9', '10', 'undecidable'],
    ['', '01', 'undecidable'],
    ['01', '', 'undecidable'],
    ['', '', 'undecidable'],
    ['0x1', '0x2', 'undecidable'],
    ['zz', 'zy', 'undecidable'],
  ])('of %j against %j is %s', (event, known, order) => {
    expect(orderOfEvents(mark(event), mark(known))).toBe(order);
  });

  it('is undecidable when a constant sequencer comes with another ETag or another time', () => {
    const known = mark('0055AED6DCD90281E5');
    expect(orderOfEvents({ ...known, etag: 'f' }, known)).toBe('undecidable');
    expect(orderOfEvents({ ...known, timeMs: 2 }, known)).toBe('undecidable');
    expect(orderOfEvents(known, known)).toBe('same');
  });
});
