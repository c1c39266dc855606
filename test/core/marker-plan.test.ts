import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planMarkers } from '#core/marker-plan.ts';

it('marks children before parents, and nothing above a directory that lacks something', () => {
  const plan = planMarkers(['', 'a', 'a/b', 'a/b/c', 'd', 'd/e'], new Set(['a/b']));
  expect(plan.unmark).toEqual(['a/b', 'a', '']);
  expect(plan.mark).toEqual(['a/b/c', 'd/e', 'd']);
});

it('takes a directory for what it is, whatever its name begins with', () => {
  const plan = planMarkers(['', 'a', 'ab', 'ab/c'], new Set(['a']));
  expect(plan.mark).toEqual(['ab/c', 'ab']);
});

it('agrees with the definition: complete is a directory without anything missing at or below it', () => {
  const path = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 }).map((steps) => steps.join('/'));
  fc.assert(
    fc.property(fc.array(path), fc.array(path), (paths, missing) => {
      const directories = new Set(['']);
      for (const one of [...paths, ...missing]) {
        const steps = one.split('/');
        for (let n = 1; n <= steps.length; n++) directories.add(steps.slice(0, n).join('/'));
      }
      const plan = planMarkers(directories, new Set(missing));
      const lacks = (directory: string) =>
        missing.some((one) => directory === '' || one === directory || one.startsWith(`${directory}/`));
      expect(new Set(plan.mark)).toEqual(new Set([...directories].filter((one) => !lacks(one))));
      expect(plan.mark.length + plan.unmark.length).toBe(directories.size);
      for (const [index, directory] of plan.mark.entries()) {
        for (const later of plan.mark.slice(index + 1)) expect(later.startsWith(`${directory}/`)).toBe(false);
      }
    }),
  );
});
