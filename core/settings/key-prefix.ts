/** The prefix of a folder's keys, as agent.yaml and sluice.yaml both name it. */
import * as z from 'zod';
import { isReserved } from '../names.ts';

const A_PREFIX = 'empty, or a prefix that ends with / and does not start with it';

/** `output/` puts `a.txt` at `output/a.txt`; empty: at the top of the bucket. */
export const keyPrefix = z
  .string({ error: A_PREFIX })
  .regex(/^(?:[^/].*\/)?$/s, { error: A_PREFIX })
  .refine((prefix) => !isReserved(prefix), { error: 'a prefix outside .sluice/, which is kept for Sluice' });

/** Whether a key can be below both. */
export function overlaps(left: string, right: string): boolean {
  return left.startsWith(right) || right.startsWith(left);
}
