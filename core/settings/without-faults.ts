/**
 * What checks across settings may look at while others are wrong, so that one round of corrections is enough: zod runs
 * them only when all the rest is right, unless they say themselves when they can.
 */
import type * as z from 'zod';

type Issues = readonly z.core.$ZodRawIssue[];
type Path = readonly PropertyKey[];

/** For `superRefine`: there are settings at all, whatever is wrong with some of them. */
export const WHATEVER_IS_WRONG = {
  when: ({ value, issues }: z.core.ParsePayload) =>
    typeof value === 'object' &&
    value !== null &&
    issues.every(({ path = [], code }) => path.length > 0 || code === 'unrecognized_keys'),
};

/** Whether nothing is wrong at the path, above it or below. */
export function isSound(issues: Issues, at: Path): boolean {
  return !issues.some(({ path = [] }) => path.length > 0 && isOneBelow(path, at));
}

/**
 * The items of a list that nothing is wrong with.
 *
 * @returns with `indexOf`, the place that an item of them has in the file
 */
export function soundItems<Item>(
  issues: Issues,
  name: string,
  list: readonly Item[],
): { items: Item[]; indexOf(at: PropertyKey | undefined): number } {
  if (!Array.isArray(list)) return { items: [], indexOf: () => 0 };
  const places = [...list.keys()].filter((index) => isSound(issues, [name, index]));
  return {
    items: places.flatMap((index) => list.slice(index, index + 1)),
    indexOf: (at) => places[Number(at)] ?? 0,
  };
}

function isOneBelow(left: Path, right: Path): boolean {
  return left.every((part, at) => at >= right.length || part === right[at]);
}
