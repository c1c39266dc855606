import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isTimezone, timeText } from '#core/time-text.ts';

const SUMMER_MS = Date.parse('2026-07-01T12:00:05.678Z');

it.each([
  ['UTC', '2026-07-01 12:00:05+00:00'],
  ['Europe/Berlin', '2026-07-01 14:00:05+02:00'],
  ['America/St_Johns', '2026-07-01 09:30:05-02:30'],
  ['Asia/Kathmandu', '2026-07-01 17:45:05+05:45'],
  ['Pacific/Kiritimati', '2026-07-02 02:00:05+14:00'],
])('shows a time in %s with its offset', (zone, text) => {
  expect(timeText(SUMMER_MS, zone)).toBe(text);
});

it('shows midnight as 00', () => {
  expect(timeText(Date.parse('2026-01-01T00:00:00Z'), 'UTC')).toBe('2026-01-01 00:00:00+00:00');
});

it('follows summer time to the second', () => {
  const change = Date.parse('2026-03-29T01:00:00Z');
  expect(timeText(change - 1000, 'Europe/Berlin')).toBe('2026-03-29 01:59:59+01:00');
  expect(timeText(change, 'Europe/Berlin')).toBe('2026-03-29 03:00:00+02:00');
});

it('is the time that it says, in every zone', () => {
  const time = fc.integer({ min: 0, max: Date.parse('2100-01-01T00:00:00Z') });
  fc.assert(
    fc.property(time, fc.constantFrom(...Intl.supportedValuesOf('timeZone')), (ms, zone) => {
      const text = timeText(ms, zone, { fraction: true });
      // Offsets of long ago have seconds, which the ISO form has no room for.
      fc.pre(/[+-]\d\d:\d\d$/.test(text));
      expect(Date.parse(text.replace(' ', 'T'))).toBe(ms);
    }),
  );
});

it('refuses a zone that does not exist', () => {
  expect(() => timeText(0, 'Mars/Base')).toThrow(RangeError);
});

it.each([
  ['Europe/Berlin', true],
  ['utc', true],
  ['Mars/Base', false],
  ['', false],
])('knows whether %j is a zone', (name, known) => {
  expect(isTimezone(name)).toBe(known);
});
