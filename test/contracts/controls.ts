/** What every `Controls` must do, whatever is behind it. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Controls } from '#core/ports.ts';

export function controlsContract(name: string, make: () => Promise<Controls>): void {
  describe(`${name} keeps the Controls contract`, () => {
    let controls: Controls;
    const fresh = () => `guard-${randomUUID()}`;
    beforeAll(async () => {
      controls = await make();
    });

    it('knows nothing of a control that nobody wrote', async () => {
      expect(await controls.get(fresh())).toBeUndefined();
    });

    it('gives back what was written, with the count of its writes', async () => {
      const one = fresh();
      const value = { a: [1, 'two', null, { ü: '😀' }], big: 2 ** 53 - 1 };
      expect(await controls.put(one, value, 0)).toBe('written');
      expect(await controls.get(one)).toEqual({ value, revision: 1 });
      expect(await controls.put(one, null, 1)).toBe('written');
      expect(await controls.get(one)).toEqual({ value: null, revision: 2 });
    });

    it('writes only over the revision that was read', async () => {
      const one = fresh();
      expect(await controls.put(one, 'early', 3)).toBe('conflict');
      expect(await controls.put(one, 'first', 0)).toBe('written');
      expect(await controls.put(one, 'again', 0)).toBe('conflict');
      expect(await controls.put(one, 'skipped', 2)).toBe('conflict');
      expect(await controls.get(one)).toEqual({ value: 'first', revision: 1 });
    });

    it('lets one of many writers of a revision win', async () => {
      const one = fresh();
      const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => controls.put(one, index, 0)));
      expect(answers.filter((answer) => answer === 'written')).toHaveLength(1);
      expect((await controls.get(one))?.value).toBe(answers.indexOf('written'));
    });
  });
}
