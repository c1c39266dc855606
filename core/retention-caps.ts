/** How many removals each rule has left in a run, and where in the ledger its next run goes on. */
import type { RetentionRule } from './settings/retention-rule.ts';
import { compareUtf8 } from './utf8.ts';

export interface RuleCaps {
  /** Takes a place, if there is one left. */
  reserve(rule: RetentionRule): boolean;
  giveBack(rule: RetentionRule): void;
  isFull(rule: RetentionRule): boolean;
}

export function createRuleCaps(): RuleCaps {
  const used = new Map<RetentionRule, number>();
  const isFull = (rule: RetentionRule) => (used.get(rule) ?? 0) >= rule.maxRemovals;
  return {
    isFull,
    reserve(rule) {
      if (isFull(rule)) return false;
      used.set(rule, (used.get(rule) ?? 0) + 1);
      return true;
    },
    giveBack: (rule) => void used.set(rule, (used.get(rule) ?? 0) - 1),
  };
}

/** By the name of a rule: the key after which it goes on; absent: at the beginning. */
export type Positions = Readonly<Record<string, string>>;

/** Where the run begins to read; `undefined`: at the beginning. */
export function firstPosition(rules: readonly RetentionRule[], after: Positions): string | undefined {
  const positions = rules.map(({ name }) => after[name]);
  if (positions.some((position) => position === undefined)) return undefined;
  return positions.map((position) => position ?? '').sort(compareUtf8)[0];
}

/** The rules that look at the key in this run: those that had not come so far before. */
export function rulesFor(
  key: string,
  rules: readonly RetentionRule[],
  after: Positions,
): readonly RetentionRule[] {
  return rules.filter(({ name }) => {
    const position = after[name];
    return position === undefined || compareUtf8(key, position) > 0;
  });
}

/**
 * Where the next run goes on. A rule that has come to the end of the ledger begins anew; one that was capped goes on
 * where it was, and so does every rule when the time was over: what comes late in the ledger has its turn too.
 *
 * @param stoppedAt the last key that was settled, when the time was over
 * @param cappedAt by the name of a rule: the last key before its cap
 */
export function nextPositions(
  rules: readonly RetentionRule[],
  after: Positions,
  cappedAt: Positions,
  stoppedAt: string | undefined,
): Record<string, string> {
  const next: Record<string, string> = {};
  for (const { name } of rules) {
    const reached = cappedAt[name] ?? stoppedAt;
    const before = after[name];
    if (reached === undefined) continue;
    next[name] = before !== undefined && compareUtf8(before, reached) > 0 ? before : reached;
  }
  return next;
}
