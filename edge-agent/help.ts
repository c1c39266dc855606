/** What `agent --help`, `agent COMMAND --help` and completion scripts say, all made of the table of commands. */
import type { Command, Commands } from './command.ts';

const EXIT_CODES = `Exit codes: 0 done; 1 something could not be synced, or a check failed; 2 wrong usage or settings, nothing
touched. Settings: docs/settings.md; \`agent schema\` prints them for editors.`;

export function helpText(commands: Commands): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  return `usage: agent COMMAND [--config FILE] [options]

${columns(rows)}

agent COMMAND --help tells more, with examples. Without --config, SLUICE_CONFIG names the file.
${EXIT_CODES}
`;
}

export function commandHelp(name: string, { usage, summary, details, examples, on }: Command): string {
  const line = ['agent', name, on === 'settings' ? '--config FILE' : '', usage];
  const shown = examples.map(([example, what]) => [`agent ${example}`, what] as const);
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
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
