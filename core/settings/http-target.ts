/** HTTP services that Sluice calls: the file manager, and who wants reports. */
import { z } from 'zod';
import { durationMs, minutesOrOff, wholeMinutes } from './duration.ts';
import { httpUrl, secretName } from './store-place.ts';

const httpTarget = {
  /** Redirects are refused. */
  url: httpUrl,
  /** Secret with JSON `{"signingKey"}`: bodies are signed with it; absent: not signed. */
  secret: secretName.optional(),
  /** Whether the host may be at an address of a private network, or of this machine. */
  allowPrivate: z.boolean().default(false),
  /** Of one call, its retries not counted. */
  timeout: durationMs.prefault('30s'),
};

export const fileManagerSchema = z.strictObject({
  ...httpTarget,
  /** Whether it is told of deletes. */
  deletes: z.boolean().default(true),
  /** Keys in work at once. */
  concurrency: z.int().min(2).max(1000).default(5),
});
export type FileManagerSettings = z.output<typeof fileManagerSchema>;

export const reportSchema = z.strictObject({
  /** How often what changed since is told. */
  every: wholeMinutes.prefault('5m'),
  /** How often the whole state is written, and compared with what the changes should have made of the last one. */
  full: minutesOrOff.prefault('1d'),
  /** Each is sent the results of every run. */
  endpoints: z.array(z.strictObject(httpTarget)).default([]),
});
export type ReportSettings = z.output<typeof reportSchema>;
export type ReportEndpoint = ReportSettings['endpoints'][number];
