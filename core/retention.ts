/** Which objects age removes: a decision with its reason for every entry, by the store's clock. */
import type { LedgerEntry } from './ledger-entry.ts';
import { isReserved } from './names.ts';
import type { ObjectHead } from './ports.ts';
import type { RetentionRule } from './settings/retention-rule.ts';

/** `remove`: every rule that lets it go, the first one first; which of them does is for its tags and the caps to say. */
export type RetentionDecision =
  | { remove: { rule: RetentionRule; reason: string }[] }
  | { remove?: undefined; keep: string };

/**
 * The rules that remove the entry as far as the ledger knows it, or why none does.
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
  const remove: { rule: RetentionRule; reason: string }[] = [];
  const hindrances: string[] = [];
  for (const rule of rules) {
    const hindrance = hindranceOf(rule, entry, nowMs, destinations);
    if (hindrance === undefined) remove.push({ rule, reason: reasonOf(rule, entry, nowMs, destinations) });
    else hindrances.push(`rule ${rule.name}: ${hindrance}`);
  }
  return remove.length > 0 ? { remove } : { keep: hindrances.join('; ') || 'no rule' };
}

/**
 * Why the object must stay although the ledger let it go; `undefined` when HEAD agrees with the ledger.
 *
 * A copy that was confirmed before the object was written is of an earlier time at which it had the same bytes: the
 * destination may hold what came between. The next reconcile has it looked at.
 */
export function confirmRetention(
  rule: RetentionRule,
  entry: LedgerEntry,
  head: ObjectHead | undefined,
  nowMs: number,
  destinations: readonly string[],
): string | undefined {
  if (head === undefined) return 'it is gone already';
  if (head.etag !== entry.etag || head.sizeBytes !== entry.sizeBytes) {
    return 'the object is not the one that the ledger knows';
  }
  if (head.lastModifiedMs === 0) return 'the store does not say when it was written';
  if (nowMs - head.lastModifiedMs < rule.olderThan) return 'it was written again since';
  if (rule.requires !== 'mirrored') return undefined;
  const early = destinations.filter((name) => (entry.mirrors[name]?.atMs ?? 0) < head.lastModifiedMs);
  if (early.length > 0) return `written again after ${early.join(', ')} had confirmed it`;
  return undefined;
}

/** Which of the rule's tags the object does not carry; `undefined` when it carries all. */
export function missingTag(rule: RetentionRule, tags: Readonly<Record<string, string>>): string | undefined {
  const missing = Object.entries(rule.tags).find(([name, value]) => tags[name] !== value);
  return missing === undefined ? undefined : `it does not carry the tag ${missing.join('=')}`;
}

function hindranceOf(
  rule: RetentionRule,
  entry: LedgerEntry,
  nowMs: number,
  destinations: readonly string[],
): string | undefined {
  const { prefix, olderThan, minBytes = 0, maxBytes = Number.POSITIVE_INFINITY, requires } = rule;
  if (!entry.key.startsWith(prefix)) return `not below ${prefix}`;
  if (nowMs - entry.eventTimeMs < olderThan) return 'too young';
  if (entry.sizeBytes < minBytes) return 'too small';
  if (entry.sizeBytes > maxBytes) return 'too large';
  if (requires === 'delivered' && entry.delivery?.etag !== entry.etag) return 'not delivered';
  if (requires !== 'mirrored') return undefined;
  if (destinations.length === 0) return 'there is no destination that could have it';
  const missing = destinations.filter((name) => entry.mirrors[name]?.sourceEtag !== entry.etag);
  return missing.length === 0 ? undefined : `not confirmed by ${missing.join(', ')}`;
}

function reasonOf(
  { name, requires, minBytes, maxBytes, tags }: RetentionRule,
  entry: LedgerEntry,
  nowMs: number,
  destinations: readonly string[],
): string {
  const parts = [
    `${((nowMs - entry.eventTimeMs) / DAY_MS).toFixed(1)} days old`,
    ...(minBytes === undefined && maxBytes === undefined ? [] : [`${entry.sizeBytes} bytes`]),
    ...Object.entries(tags).map(([tag, value]) => `tagged ${tag}=${value}`),
    ...(requires === 'mirrored' ? [`mirrored to ${destinations.join(', ')}`] : []),
    ...(requires === 'delivered' ? ['delivered'] : []),
  ];
  return `rule ${name}: ${parts.join(' and ')}`;
}

const DAY_MS = 86_400_000;
