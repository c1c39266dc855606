/** Waits until queues are empty, and shows how much is left. */

import { countText } from '#core/amounts.ts';
import type { Ops } from './command.ts';
import type { Consumer } from './consumers.ts';
import { type ConsumerDepth, depthsOf, total } from './queues.ts';

/**
 * Resolves when nothing has waited for `settleMs`: the counts of SQS are those of a moment ago. What is paused, and the
 * queues of agents, which hosts empty, are not waited for: leave them out.
 */
export async function drain(ops: Ops, consumers: readonly Consumer[], settleMs: number): Promise<void> {
  const { clients, terminal, nowMs, delay, pollMs } = ops;
  let emptySinceMs: number | undefined;
  for (;;) {
    const depths = await depthsOf(clients, consumers);
    const left = depths.filter(({ queue }) => queue !== undefined && total(queue) > 0);
    const now = nowMs();
    if (left.length > 0) emptySinceMs = undefined;
    else emptySinceMs ??= now;
    if (emptySinceMs !== undefined && now - emptySinceMs >= settleMs) break;
    terminal.progress(left.length === 0 ? 'empty; waiting whether it stays so' : leftText(left));
    await delay(pollMs);
  }
  terminal.progress(undefined);
}

/** Messages in the dead-letter queues, by consumer. */
export async function deadLettersOf(ops: Ops, consumers: readonly Consumer[]): Promise<Map<string, number>> {
  const depths = await depthsOf(ops.clients, consumers);
  return new Map(depths.map(({ name, deadLetters = 0 }) => [name, deadLetters]));
}

function leftText(left: readonly ConsumerDepth[]): string {
  return left
    .map(({ name, queue }) => {
      if (queue === undefined) return name;
      const { waiting, inFlight, delayed } = queue;
      return `${name}: ${countText(waiting + delayed)} waiting, ${countText(inFlight)} in work`;
    })
    .join('; ');
}
