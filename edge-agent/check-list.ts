/** A list of things to try, each with its outcome. One that fails does not stop the others. */
import { SyncError } from '#core/errors.ts';

export interface Check {
  name: string;
  /** Names of checks without which this one can only fail too; it is then left out. */
  needs?: readonly string[];
  /** What to do about a failure that does not say it itself. */
  hint: string;
  /** What was found, or a failure: a `SyncError` or a system error. */
  run(): Promise<string | Note>;
}

/** Right as it is, but something to know. */
export interface Note {
  detail: string;
  hint: string;
}

export interface CheckResult {
  name: string;
  /** False for `fail` and `skipped`. */
  ok: boolean;
  outcome: 'ok' | 'note' | 'fail' | 'skipped';
  detail: string;
  /** What to do about it; every `fail` has one. */
  hint?: string;
}

const LABELS: Record<CheckResult['outcome'], string> = {
  ok: 'ok  ',
  note: 'note',
  fail: 'FAIL',
  skipped: '--  ',
};

/** In the order given, one after the other. */
export async function performChecks(
  checks: readonly Check[],
  onResult: (result: CheckResult) => void,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    const missing = results.find(({ name, ok }) => !ok && check.needs?.includes(name));
    const result = missing === undefined ? await tried(check) : skipped(check.name, missing.name);
    results.push(result);
    onResult(result);
  }
  return results;
}

/** One or two lines, for people. */
export function checkLines({ name, outcome, detail, hint }: CheckResult): string {
  const line = `${LABELS[outcome]}  ${name}: ${detail}\n`;
  return hint === undefined ? line : `${line}      ${hint}\n`;
}

export function checkFailure(message: string, hint: string): SyncError {
  return new SyncError(message, { op: 'check', retryable: false, hint });
}

async function tried({ name, hint, run }: Check): Promise<CheckResult> {
  try {
    const found = await run();
    if (typeof found === 'string') return { name, ok: true, outcome: 'ok', detail: found };
    return { name, ok: true, outcome: 'note', ...found };
  } catch (error) {
    if (!(error instanceof SyncError) && !(error instanceof Error && 'code' in error)) throw error;
    const own = error instanceof SyncError ? error.hint : undefined;
    return { name, ok: false, outcome: 'fail', detail: error.message, hint: own ?? hint };
  }
}

function skipped(name: string, needed: string): CheckResult {
  return { name, ok: false, outcome: 'skipped', detail: `not tried, because of: ${needed}` };
}
