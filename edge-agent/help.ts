/** What `--help` says of the agent and of each command, made of the table of commands. */
import { type Command, type Commands, PROGRAM } from './command.ts';
import { HOST_CONFIG } from './config-file.ts';

const EXIT_CODES = `Exit codes: 0 done; 1 something could not be synced, or a check failed; 2 wrong usage or settings, nothing
touched. Settings: docs/settings.md; \`${PROGRAM} schema\` prints them for editors.`;

export function helpText(commands: Commands): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  return `usage: ${PROGRAM} COMMAND [--config FILE] [options]

${columns(rows)}

${PROGRAM} COMMAND --help tells more, with examples. Without --config, SLUICE_CONFIG names the file; else it is
${HOST_CONFIG}, where that exists.
${EXIT_CODES}
`;
}

export function commandHelp(name: string, { usage, summary, details, examples, on }: Command): string {
  const line = [PROGRAM, name, on === 'settings' ? '[--config FILE]' : '', usage];
  const shown = examples.map(([example, what]) => [`${PROGRAM} ${example}`, what] as const);
  return [
    `usage: ${line.filter((part) => part !== '').join(' ')}`,
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.`,
    ...(details === '' ? [] : [details]),
    ...(shown.length === 0 ? [] : [`Examples:\n${columns(shown)}`]),
    EXIT_CODES,
  ]
    .join('\n\n')
    .concat('\n');
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()).join('\n');
}
