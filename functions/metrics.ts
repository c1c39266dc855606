/** What a handler counts; the names are in core/names.ts, where alarms and dashboard find them too. */
import type { Metric } from '#core/names.ts';

export interface Metrics {
  /** Several values of one metric within an invocation are told together. */
  add(metric: Metric, value: number): void;
  flush(): void;
}
