/** What the agent counts. */

/** One thing done to one file, or that could not be done. */
export type Done =
  | 'uploaded'
  | 'copied'
  | 'deleted'
  | 'removed'
  | 'downloaded'
  | 'expired'
  | 'unchanged'
  | 'failed'
  | 'skipped';

export interface Metrics {
  done(folder: string, what: Done, sizeBytes?: number): void;
  /** From the moment a file was settled to the moment the store had confirmed it. */
  lag(folder: string, seconds: number): void;
}
