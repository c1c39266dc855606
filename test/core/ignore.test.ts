import { expect, it } from 'vitest';
import { createIgnore } from '#core/ignore.ts';

const defaults = createIgnore({ ignore: [], ignoreTemporary: true });

it.each(['.hidden', 'a/.hidden', '.git/config', 'a.tmp', 'a/b.swp', 'notes~', 'x.tmp.1', 'a/x.tmp.part/y'])(
  'ignores %s, which is hidden or temporary',
  (path) => expect(defaults(path)).toBe(true),
);

it.each(['a', 'tmp', 'a.tmpl', 'swp', 'a~b', 'a.b.c', 'x/y.txt', '-', '!x', 'a b'])(
  'does not ignore %s',
  (path) => expect(defaults(path)).toBe(false),
);

it('takes patterns in the syntax of .gitignore, a later one over an earlier one', () => {
  const ignored = createIgnore({ ignore: ['*.log', '!keep.log', '/build/', '!.env'], ignoreTemporary: true });
  expect(ignored('a/b.log')).toBe(true);
  expect(ignored('keep.log')).toBe(false);
  expect(ignored('build/x')).toBe(true);
  expect(ignored('a/build/x')).toBe(false);
  expect(ignored('.env')).toBe(false);
  expect(ignored('B.LOG')).toBe(false);
});

it('answers the same for the hundred-thousandth path, and holds none of their names', () => {
  const ignored = createIgnore({ ignore: ['*.log'], ignoreTemporary: true });
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 300_000; n++) {
    const name = `directory-with-a-name/file-with-a-name-${n}`;
    if (ignored(`${name}.log`) === ignored(name)) throw new Error(name);
  }
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
});

it('ignores nothing when nothing is to be ignored', () => {
  const ignored = createIgnore({ ignore: [], ignoreTemporary: false });
  expect(['.hidden', 'a.tmp', ''].map(ignored)).toEqual([false, false, false]);
});
