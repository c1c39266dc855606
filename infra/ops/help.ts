/** What `ops help` and `--help` say. */
import type { Command } from './command.ts';
import { table } from './table.ts';

const COMMON = [
  ['--stack NAME', 'the stack; else SLUICE_STACK, the name in sluice.yaml, or sluice'],
  ['--json', 'answers as JSON on stdout; npm run -s keeps npm’s own lines out of it'],
  ['--profile NAME', 'profile of the AWS configuration'],
  ['--region NAME', 'AWS region'],
  ['--help', 'about one command'],
];

export function helpText(commands: Readonly<Record<string, Command>>): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => [`  ${name}`, summary]);
  return `usage: npm run ops -- COMMAND [options]

${table([...rows, ['  help', 'this, or help COMMAND']])}

${optionsText()}

Exit codes: 0 done; 1 something failed, is held or gave up (status tells it, and ends with 0); 2 wrong usage, nothing touched.`;
}

export function commandHelp(name: string, { usage, summary, details }: Command): string {
  return `usage: npm run ops -- ${`${name} ${usage}`.trimEnd()}

${summary[0]?.toUpperCase()}${summary.slice(1)}.

${details.replaceAll(/^ {2}ops (.*)$/gm, example)}

${optionsText()}`;
}

/** npm writes lines of its own to stdout; in a file or for jq they would be in the way. */
function example(_line: string, words: string): string {
  const silent = /--json| > /.test(words) ? '-s ' : '';
  return `  npm run ${silent}ops -- ${words}`;
}

function optionsText(): string {
  return `Options of every command:
${table(COMMON.map(([option = '', what = '']) => [`  ${option}`, what]))}`;
}
