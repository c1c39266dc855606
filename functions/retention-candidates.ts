/** Removes a batch of candidates: records the intent, removes what HEAD, tags and the row confirm, records the outcome. */
import { isDeepStrictEqual } from 'node:util';
import { inParallel } from '#adapters/in-parallel.ts';
import { SyncError } from '#core/errors.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { Ledger, ObjectStore } from '#core/ports.ts';
import { confirmRetention, missingTag } from '#core/retention.ts';
import type { RuleCaps } from '#core/retention-caps.ts';
import type { RetentionRule } from '#core/settings/retention-rule.ts';
import type { Log } from './log.ts';
import type { Removal, RemovalRecord } from './removal-record.ts';

export interface CandidatePorts {
  hub: RetentionHub;
  ledger: Pick<Ledger, 'get'>;
  /** Names of all. */
  destinations: readonly string[];
  log: Log;
}

export type RetentionHub = Pick<ObjectStore, 'head' | 'delete' | 'tags'> & {
  /** Its clock minus this one's in milliseconds, as its last answer told it; `undefined` when it tells none. */
  clockSkewMs?(): number | undefined;
};

export interface Candidate {
  entry: LedgerEntry;
  /** Each lets it go, the first that its tags and its cap allow removes it; a place is reserved for the first. */
  rules: readonly { rule: RetentionRule; reason: string }[];
}

const REMOVALS_AT_ONCE = 8;
/** Beyond it somebody's clock is wrong, and ages mean nothing. */
const MAX_SKEW_MS = 15 * 60_000;

/** In one batch; then it is not about single keys. */
const MAX_FAILURES = 10;

/**
 * Answers the failures of single keys, which keep the outcome `intended`: whether the store has done it is not known.
 *
 * @throws SyncError the first failure, when there are many
 */
export async function removeCandidates(
  ports: CandidatePorts,
  record: RemovalRecord,
  caps: RuleCaps,
  batch: readonly Candidate[],
  dryRun: boolean,
): Promise<SyncError[]> {
  const failures: SyncError[] = [];
  if (batch.length === 0) return failures;
  const removals = batch.map(({ entry, rules }): Removal => {
    const { key, etag, versionId, sizeBytes } = entry;
    const [first] = rules;
    const { rule, reason } = { rule: first?.rule.name ?? '', reason: first?.reason ?? '' };
    return { key, etag, versionId, sizeBytes, rule, reason, outcome: 'intended' };
  });
  await record.add(removals);
  const pairs = batch.map((candidate, index) => ({ candidate, removal: removals[index] }));
  try {
    await inParallel(pairs, REMOVALS_AT_ONCE, async ({ candidate, removal }) => {
      if (removal === undefined) return;
      try {
        Object.assign(removal, await removeOne(ports, candidate, record.storeTimeMs, caps, dryRun));
      } catch (error) {
        if (!(error instanceof SyncError)) throw error;
        ports.log.error('retention: failed', {
          key: removal.key,
          rule: removal.rule,
          code: error.code,
          error,
        });
        removal.reason = error.message;
        if (error.code === 'ClockSkew') throw error;
        if (failures.push(error) > MAX_FAILURES) throw failures[0];
        return;
      }
      const { key, rule, reason, outcome } = removal;
      if (outcome === 'kept') ports.log.warn('retention: kept', { key, rule, reason });
      else ports.log.info(`retention: ${outcome}`, { key, rule, reason });
    });
  } finally {
    await record.save();
  }
  return failures;
}

/** @throws SyncError `ClockSkew` */
export function refuseSkew(skewMs: number): void {
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return;
  throw new SyncError(
    `nothing removed: this clock and the store's differ by ${Math.round(Math.abs(skewMs) / 1000)} s`,
    { op: 'retention', retryable: true, code: 'ClockSkew' },
  );
}

type Outcome = Pick<Removal, 'outcome'> & Partial<Pick<Removal, 'rule' | 'reason'>>;

async function removeOne(
  { hub, ledger, destinations }: CandidatePorts,
  { entry, rules }: Candidate,
  storeTimeMs: number,
  caps: RuleCaps,
  dryRun: boolean,
): Promise<Outcome> {
  const head = await hub.head(entry.key);
  // The hub of another store has a clock of its own, which its ages are measured by.
  refuseSkew(hub.clockSkewMs?.() ?? 0);
  const reasons: string[] = [];
  let tags: Readonly<Record<string, string>> | undefined;
  for (const [index, { rule, reason }] of rules.entries()) {
    // The first has its place already.
    if (index > 0 && !caps.reserve(rule)) {
      reasons.push(`rule ${rule.name} has reached its cap`);
      continue;
    }
    let objection = confirmRetention(rule, entry, head, storeTimeMs, destinations);
    if (objection === undefined && Object.keys(rule.tags).length > 0) {
      tags ??= await hub.tags(entry.key);
      objection = missingTag(rule, tags);
    }
    // Another version may have come and gone since: the object is then as it was, and a destination holds the other.
    if (objection === undefined && !isAsRead(entry, await ledger.get(entry.key))) {
      objection = 'its row in the ledger changed just now';
    }
    if (objection === undefined) {
      if (rule.dryRun || dryRun) return { outcome: 'would remove', rule: rule.name, reason };
      const answer = await hub.delete(entry.key, { ifMatch: entry.etag });
      if (answer === 'deleted') return { outcome: 'removed', rule: rule.name, reason };
      objection = 'it changed just now';
    }
    caps.giveBack(rule);
    reasons.push(objection);
  }
  return { outcome: 'kept', reason: [...new Set(reasons)].join('; ') };
}

/** Mirrors and deliveries note what they hold without a new revision. */
function isAsRead(read: LedgerEntry, now: LedgerEntry | undefined): boolean {
  return (
    now?.revision === read.revision &&
    isDeepStrictEqual(now.mirrors, read.mirrors) &&
    isDeepStrictEqual(now.delivery, read.delivery)
  );
}
