/** Which objects age removes: a decision with its reason for every entry, by the store's clock. */
import type { LedgerEntry } from './ledger-entry.ts';
import { isReserved } from './names.ts';
import type { ObjectHead } from './ports.ts';
import type { RetentionRule } from './settings/deployment.ts';

export type RetentionDecision = { remove: RetentionRule; reason: string } | { keep: string };

/**
 * The first rule that removes the entry, or why none does.
 *
 * @param nowMs the store's clock, never the host's: ages compare it with times that the store has given.
 * @param destinations names of all destinations; `requires: mirrored` wants the present ETag confirmed by each.
 */
export function decideRetention(
  rules: readonly RetentionRule[],
  entry: LedgerEntry,
  nowMs: number,
  destinations: readonly string[],
): RetentionDecision {
  if (isReserved(entry.key)) return { keep: 'the key is reserved' };
  if (entry.state !== 'present') return { keep: `the ledger says ${entry.state}` };
  const reasons: string[] = [];
  for (const rule of rules) {
    const hindrance = hindranceOf(rule, entry, nowMs, destinations);
    if (hindrance === undefined) {
      const mirrored = rule.requires === 'mirrored' ? ` and mirrored to ${destinations.join(', ')}` : '';
      return { remove: rule, reason: `rule ${rule.name}: ${days(nowMs - entry.eventTimeMs)} old${mirrored}` };
    }
    reasons.push(`rule ${rule.name}: ${hindrance}`);
  }
  return { keep: reasons.join('; ') || 'no rule' };
}

/** Why the object must stay although the ledger let it go; `undefined` when HEAD agrees with the ledger. */
export function confirmRetention(
  rule: RetentionRule,
  entry: LedgerEntry,
  head: ObjectHead | undefined,
  nowMs: number,
): string | undefined {
  if (head === undefined) return 'it is gone already';
  if (head.etag !== entry.etag) return 'the object is not the one that the ledger knows';
  if (nowMs - head.lastModifiedMs < rule.olderThan) return 'it was written again since';
  return undefined;
}

function hindranceOf(
  rule: RetentionRule,
  entry: LedgerEntry,
  nowMs: number,
  destinations: readonly string[],
): string | undefined {
  if (!entry.key.startsWith(rule.prefix)) return `not below ${rule.prefix}`;
  if (nowMs - entry.eventTimeMs < rule.olderThan) return 'too young';
  if (rule.requires !== 'mirrored') return undefined;
  if (destinations.length === 0) return 'there is no destination that could have it';
  const missing = destinations.filter((name) => entry.mirrors[name]?.sourceEtag !== entry.etag);
  return missing.length === 0 ? undefined : `not confirmed by ${missing.join(', ')}`;
}

function days(ageMs: number): string {
  return `${(ageMs / 86_400_000).toFixed(1)} days`;
}
