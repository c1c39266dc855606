import { expect, it } from 'vitest';
import { createRest } from '../../edge-agent/rest.ts';

function resting() {
  let now = 0;
  let rests = 0;
  const look = createRest(
    () => void rests++,
    () => now,
  );
  return (seconds: number, busy: boolean) => {
    now += seconds * 1000;
    look(busy);
    return rests;
  };
}

it('rests once after the start, when nothing has been done for a while', () => {
  const after = resting();
  expect(after(1, false)).toBe(0);
  expect(after(10, false)).toBe(1);
  expect(after(3_600, false)).toBe(1);
});

it('rests again after work that has ended, but not all the time', () => {
  const after = resting();
  expect(after(11, false)).toBe(1);
  expect(after(1, true)).toBe(1);
  expect(after(11, false)).toBe(1);
  expect(after(600, false)).toBe(2);
});

it('does not rest while there is work', () => {
  const after = resting();
  for (let minute = 0; minute < 60; minute++) expect(after(60, true)).toBe(0);
  expect(after(5, false)).toBe(0);
  expect(after(5, false)).toBe(1);
});
