/**
 * Writes the tables of docs/reliability.md from what was really run: `node test/torture/document.ts RESULTS.json…`, with
 * the files that `npm run torture -- --json` has written. Of each campaign the runs on the commit of its last one count
 * together: those with seeds of their own, since the same seed again proves nothing again.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CAMPAIGNS } from './campaigns.ts';
import { CASES } from './cases.ts';
import type { PlantedResult } from './planted.ts';
import { hasFailed } from './run-campaign.ts';
import { type Result, type Summed, summedPlanted, summedRuns } from './summed-runs.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/reliability.md');
const BEGIN = '<!-- results: written by test/torture/document.ts -->';
const END = '<!-- end of results -->';
const NOT_RUN = 'not run';

type Results = ReadonlyMap<string, Summed>;

export function documentWith(text: string, lines: readonly string[]): string {
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error('docs/reliability.md has lost the marks of its results');
  const records = lines.map((line) => JSON.parse(line) as Result);
  const results = summedRuns(records);
  const planted = summedPlanted(records);
  const parts = [campaignTable(results), plantedText(planted), caseTable(results)];
  return `${text.slice(0, start)}${BEGIN}\n\n${parts.join('\n\n')}\n\n${text.slice(end)}`;
}

function campaignTable(results: Results): string {
  const rows = CAMPAIGNS.map(({ name, title }) => {
    const verdict = results.get(name);
    if (verdict === undefined) return [name, title, NOT_RUN, '', '', '', '', '', '', '', ''];
    const { rounds, fired, lost, partial, silent, notConverged, seconds, date, commit, seeds } = verdict;
    const counts = [rounds, fired, lost, partial, silent, notConverged, seconds].map(String);
    return [name, title, ...counts, date.slice(0, 10), [commit, ...seeds].join(', ')];
  });
  const head =
    'campaign,what it does,rounds,faults fired,lost,partial,silent,not converged,seconds,date,commit and seeds';
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

const files = process.argv.slice(2);
if (import.meta.main && files.length > 0) {
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n')).filter((line) => line !== '');
  writeFileSync(DOCUMENT, documentWith(readFileSync(DOCUMENT, 'utf8'), lines));
}
