/**
 * Writes the tables of docs/reliability.md from what was really run: `node test/torture/document.ts RESULTS.json`,
 * with the file that `npm run torture -- --json` has written. Of each campaign the last line counts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CAMPAIGNS } from './campaigns.ts';
import { CASES } from './cases.ts';
import type { PlantedResult } from './planted.ts';
import { hasFailed, type Verdict } from './run-campaign.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/reliability.md');
const BEGIN = '<!-- results: written by test/torture/document.ts -->';
const END = '<!-- end of results -->';
const NOT_RUN = 'not run';

type Results = Map<string, Verdict>;

export function documentWith(text: string, lines: readonly string[]): string {
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error('docs/reliability.md has lost the marks of its results');
  const records = lines.map((line) => JSON.parse(line) as Verdict | PlantedResult);
  const results: Results = new Map();
  for (const record of records) if ('campaign' in record) results.set(record.campaign, record);
  const planted = records.findLast((record) => 'planted' in record);
  const parts = [campaignTable(results), plantedText(planted), caseTable(results)];
  return `${text.slice(0, start)}${BEGIN}\n\n${parts.join('\n\n')}\n\n${text.slice(end)}`;
}

function campaignTable(results: Results): string {
  const rows = CAMPAIGNS.map(({ name, title }) => {
    const verdict = results.get(name);
    if (verdict === undefined) return [name, title, NOT_RUN, '', '', '', '', '', '', '', ''];
    const { rounds, fired, lost, partial, silent, notConverged, seconds, date, commit, seed } = verdict;
    const counts = [rounds, fired, lost, partial, silent, notConverged, seconds].map(String);
    return [name, title, ...counts, date.slice(0, 10), `${commit}, ${seed}`];
  });
  const head =
    'campaign,what it does,rounds,faults fired,lost,partial,silent,not converged,seconds,date,commit and seed';
  return table(head.split(','), rows);
}

function plantedText(planted: PlantedResult | undefined): string {
  if (planted === undefined) return 'Planted bugs: not run.';
  const { missed } = planted;
  return `Planted bugs: ${planted.planted}, caught: ${planted.caught}${missed.length === 0 ? '' : `, missed: ${missed.join('; ')}`}.`;
}

function caseTable(results: Results): string {
  const rows = CASES.map(({ number, what, tests }) => {
    const campaigns = CAMPAIGNS.filter(({ cases }) => cases.includes(number)).map(({ name }) => name);
    const how = [...campaigns, ...tests.map((test) => `\`${test}\``)].join(', ');
    const run = campaigns.map((name) => results.get(name)).filter((verdict) => verdict !== undefined);
    const rounds = run.reduce((sum, verdict) => sum + verdict.rounds, 0);
    const failed = run.filter(hasFailed).map(({ campaign }) => campaign);
    const result = failed.length > 0 ? `failed: ${failed.join(', ')}` : 'passed';
    if (campaigns.length === 0) return [String(number), what, how, '', 'in `npm test`'];
    return [String(number), what, how, String(rounds), run.length === 0 ? NOT_RUN : result];
  });
  return table(['case', 'what happens', 'campaign or test', 'rounds', 'result'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const [results] = process.argv.slice(2);
if (import.meta.main && results !== undefined) {
  const lines = readFileSync(results, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  writeFileSync(DOCUMENT, documentWith(readFileSync(DOCUMENT, 'utf8'), lines));
}
