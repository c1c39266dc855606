/**
 * What the functions parse with: zod/mini, because the classic zod and its schemas would be a sixth of their cold start. With
 * English messages, for by itself it says "Invalid input" to everything. https://zod.dev/packages/mini
 */
import { config } from 'zod/mini';
import english from 'zod/v4/locales/en.js';

config(english());

export * from 'zod/mini';
/** Not as `z.core.$ZodError`, with which bundles would carry all of zod. */
export { $ZodError as ZodError } from 'zod/v4/core';
