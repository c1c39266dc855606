/** What the steps of one received key share. */
import type { ByteBudget } from '#adapters/byte-budget.ts';
import type { Incoming } from '#adapters/host/incoming.ts';
import type { FreeSpace } from './free-space.ts';
import type { FileContext } from './settled-file.ts';

export interface ReceiveContext extends FileContext {
  incoming: Incoming;
  space: FreeSpace;
  /** One for each download at once; files that wait for the disk hold none. */
  downloads: ByteBudget;
  /** Resolves when all that was noted before is on the disk: one commit for all who ask together. */
  noted(): Promise<void>;
  /** Permission bits of a file whose object names none. */
  newFileMode: number;
  /** Why this is no longer the folder that was claimed. */
  fault(): string | undefined;
}

/** What came of looking at one key. */
export type Received =
  | { done: 'received' | 'gone' }
  /** Look again after the delay. */
  | { later: string; delayMs: number }
  /** Look again when so many bytes fit. */
  | { noRoomFor: number }
  /** Stays in the bucket until somebody changes something; `counts` is false for what is no file. */
  | { parked: string; counts: boolean };
