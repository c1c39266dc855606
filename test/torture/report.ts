/** A verdict for people. */
import { hasFailed, type Verdict } from './run-campaign.ts';

const COLUMNS = ['rounds', 'fired', 'lost', 'partial', 'silent', 'notConverged', 'seconds', 'seed'] as const;
const NAME_WIDTH = 22;
const WIDTH = 13;

export function headLine(): string {
  return `${'campaign'.padEnd(NAME_WIDTH)}${COLUMNS.map((name) => name.padStart(WIDTH)).join('')}`;
}

/** One line, and what was wrong below it. */
export function verdictText(verdict: Verdict): string {
  const numbers = COLUMNS.map((name) => String(verdict[name]).padStart(WIDTH)).join('');
  const { failed, fired, findings } = verdict;
  const why = [
    ...(failed === '' ? [] : [`failed: ${failed}`]),
    ...(failed === '' && fired === 0 ? ['failed: no fault has fired, so nothing is proved'] : []),
    ...findings,
  ];
  const line = `${verdict.campaign.padEnd(NAME_WIDTH)}${numbers}  ${hasFailed(verdict) ? 'FAILED' : 'ok'}`;
  return [line, ...why.map((reason) => `  ${reason}`)].join('\n');
}
