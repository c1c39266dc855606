import { describe, expect, it } from 'vitest';
import * as z from '#core/schema.ts';

// Nothing here may import the classic zod, which would set the language for both.
describe('what is parsed by the small zod', () => {
  it('is refused with words that say what is wrong', () => {
    const { error } = z.object({ key: z.string() }).safeParse({ key: 1 });
    expect(error?.issues).toMatchObject([{ message: 'Invalid input: expected string, received number' }]);
  });

  it('is refused by an error that can be told from others', () => {
    const refused = () => z.string().parse(1);
    expect(refused).toThrow(z.ZodError);
    expect(new Error('another') instanceof z.ZodError).toBe(false);
  });
});
