import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type GuardWindow, guardDeletes } from '#core/delete-guard.ts';

const settings = { share: 0.5, count: 1000, shareFrom: 10, window: 3_600_000 };
const HOUR = settings.window;

it.each([
  { pending: 1, known: 1, allowed: true, why: 'one of one is no catastrophe' },
  { pending: 10, known: 10, allowed: true, why: 'up to shareFrom the share does not count' },
  { pending: 11, known: 11, allowed: false, why: 'all of a folder' },
  { pending: 50, known: 100, allowed: true, why: 'half of it' },
  { pending: 51, known: 100, allowed: false, why: 'more than half' },
  { pending: 1000, known: 1_000_000, allowed: true, why: 'the count' },
  { pending: 1001, known: 1_000_000, allowed: false, why: 'more than the count' },
  { pending: 0, known: 0, allowed: true, why: 'nothing' },
])('$pending of $known: allowed is $allowed ($why)', ({ pending, known, allowed }) => {
  expect(guardDeletes(settings, undefined, { pending, known, nowMs: 0 }).allowed).toBe(allowed);
});

it('says what was found and what is allowed', () => {
  expect(guardDeletes(settings, undefined, { pending: 51, known: 100, nowMs: 0 })).toEqual({
    allowed: false,
    reason: '51 of 100 files deleted; the guard allows 50',
  });
});

it('never lets more through in one window than the settings say, however it is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(700), fc.nat(HOUR / 50))), fc.nat(3000), (steps, start) => {
      let window: GuardWindow | undefined;
      let known = start;
      let nowMs = 0;
      for (const [wanted, pause] of steps) {
        nowMs += pause;
        const pending = Math.min(wanted, known);
        const decision = guardDeletes(settings, window, { pending, known, nowMs });
        if (!decision.allowed) continue;
        window = decision.window;
        known -= pending;
        const { deleted, known: atStart } = window;
        expect(deleted === 0 || deleted <= settings.count).toBe(true);
        expect(deleted <= settings.shareFrom || deleted <= atStart / 2).toBe(true);
      }
    }),
  );
});

it('begins anew when the window is over', () => {
  const first = guardDeletes(settings, undefined, { pending: 1000, known: 5000, nowMs: 0 });
  if (!first.allowed) throw new Error('must be allowed');
  expect(guardDeletes(settings, first.window, { pending: 1, known: 4000, nowMs: HOUR - 1 }).allowed).toBe(
    false,
  );
  expect(guardDeletes(settings, first.window, { pending: 1, known: 4000, nowMs: HOUR }).allowed).toBe(true);
});
