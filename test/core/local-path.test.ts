import { expect, it } from 'vitest';
import { localPlace } from '#core/local-path.ts';

const place = (key: string, prefix = 'in/', rootBytes = 10) => localPlace(prefix, key, rootBytes, '.sluice');

it.each([
  ['in/a', 'a'],
  ['in/a/b/c.txt', 'a/b/c.txt'],
  ['in/..a/b..', '..a/b..'],
  ['in/...', '...'],
  ['in/a\\..\\b', 'a\\..\\b'],
  ['in/ leading and trailing ', ' leading and trailing '],
  ['in/new\nline\r', 'new\nline\r'],
  ['in/%2e%2e/x', '%2e%2e/x'],
  ['in/caf\u00e9', 'caf\u00e9'],
  ['in/cafe\u0301', 'cafe\u0301'],
  ['in/a/.sluice/b', 'a/.sluice/b'],
  ['in/.sluicer', '.sluicer'],
  [`in/${'n'.repeat(255)}`, 'n'.repeat(255)],
])('takes %j as it is', (key, path) => {
  expect(place(key)).toEqual({ path });
});

it.each([
  ['in/../etc/passwd', /\.\. as a name/],
  ['in/a/../../etc/passwd', /\.\. as a name/],
  ['in/a/..', /\.\. as a name/],
  ['in/..', /\.\. as a name/],
  ['in/../', /\.\. as a name/],
  ['in/./a', /\. as a name/],
  ['in/a/.', /\. as a name/],
  ['in//etc/passwd', /absolute/],
  ['in//', /absolute/],
  ['in/a//b', /empty directory name/],
  ['in/a//', /empty directory name/],
  ['in/a\0b', /NUL/],
  ['in/.sluice/lock', /agent's own/],
  ['in/.sluice', /agent's own/],
  ['in/.sluice/', /agent's own/],
  [`in/${'n'.repeat(256)}`, /256 bytes; Linux allows 255/],
  [`in/${'\u00e9'.repeat(128)}`, /256 bytes/],
  ['other/a', /does not start/],
])('refuses %j', (key, why) => {
  expect(place(key)).toEqual({ refused: expect.stringMatching(why) });
});

it('refuses a path that is longer than Linux takes, the folder included', () => {
  const key = `in/${'a/'.repeat(500)}b`;
  expect(place(key, 'in/', 3000)).toEqual({ path: key.slice(3) });
  expect(place(key, 'in/', 4000)).toEqual({
    refused: expect.stringMatching(/5002 bytes; Linux allows 4095/),
  });
});

it('takes a key that ends with a slash for the place of a directory', () => {
  expect(place('in/a/')).toEqual({ placeholder: 'a/' });
  expect(place('in/')).toEqual({ placeholder: '' });
});

it('takes every key of a folder without a prefix', () => {
  expect(place('a/b', '')).toEqual({ path: 'a/b' });
  expect(place('/abs', '')).toEqual({ refused: expect.stringMatching(/absolute/) });
});
