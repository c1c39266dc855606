/** What the promises of system E are tested through, whoever does its job. */
import type { ObjectStore } from '#core/ports.ts';

export interface RelicWay {
  name: string;
  prepare(options?: RelicOptions): Promise<RelicUnderTest>;
}

interface RelicOptions {
  /** Variables of the old configuration, beside those that say where. */
  environment?: Record<string, string>;
  /** Where something stands between it and the stores. */
  sourceEndpoint?: string;
  targetEndpoint?: string;
  /** The imported configuration, as a user would change it. */
  change?: (yaml: string) => string;
}

export interface RelicUnderTest {
  source: ObjectStore;
  /** Not there before the first run. */
  target: ObjectStore;
  targetBucket: string;
  start(): RelicRun;
  /** A manual run; `ok`: all of it is at the destination. */
  runOnce(): Promise<{ ok: boolean; output: string }>;
  status(): Promise<RelicStatus>;
  /** Tries again what was parked. */
  retry(): Promise<void>;
  approveDeletes(): Promise<void>;
  /** In Prometheus' format, while it runs. */
  metrics(): Promise<string>;
}

export interface RelicRun {
  output(): string;
  /** Resolves once the output has the text; rejects when it ends before. */
  says(text: string): Promise<void>;
  /** Whether it ended cleanly. */
  stop(): Promise<boolean>;
  /** Asks it to stop, and does not wait. */
  interrupt(): void;
  ended: Promise<boolean>;
  /** As a power cut would. */
  kill(): Promise<void>;
}

interface RelicStatus {
  waiting: number;
  parked: number;
  held: number;
  objects: { key: string; state: string; attempts: number; reason: string }[];
  /** Of who runs now. */
  state?: string;
}
