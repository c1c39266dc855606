import { expect, it } from 'vitest';
import { isReserved, pascalCase } from '#core/names.ts';

it.each([
  ['.sluice/owners/output/', true],
  ['.sluice/', true],
  ['output/.sluice-probe-1', true],
  ['.sluice-probe-1', true],
  ['a/b/.sluice-probe-', true],
  ['output/.sluice/a', false],
  ['.sluice', false],
  ['.sluicebox/a', false],
  ['output/.sluice-probe-1/a', false],
  ['output/a.sluice-probe-1', false],
  ['output/a', false],
])('knows whether %s is reserved: %s', (key, reserved) => {
  expect(isReserved(key)).toBe(reserved);
});

it('makes ids of names', () => {
  expect(['copy', 'site-b', 'a--1'].map(pascalCase)).toEqual(['Copy', 'SiteB', 'A1']);
});
