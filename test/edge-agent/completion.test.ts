/** Completion scripts: what bash offers by them, and what zsh and fish are told. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { COMMANDS } from '../../edge-agent/commands.ts';
import { completionScript, type Shell } from '../../edge-agent/completion.ts';

let directory: string;

beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'sluice-completion-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  directory = made;
});

const scriptFor = (shell: Shell, program = 'sluice-agent') => completionScript(shell, program, COMMANDS);

/** What bash itself would offer for the words, the last of them unfinished. */
function offered(...words: string[]): string[] {
  writeFileSync(join(directory, 'completion'), scriptFor('bash'));
  const script = `compopt() { :; } # which is only for a shell in which somebody types
source completion
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_sluice_agent
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: directory, encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

it('offers commands, then the options of the command', () => {
  expect(offered('sluice-agent', 're')).toEqual(['retry']);
  expect(offered('sluice-agent', 'status', '--')).toEqual(['--config', '--json', '--all', '--help']);
});

it('offers the words that a command takes, files after them, and the few that an option takes', () => {
  expect(offered('sluice-agent', 'import', '')).toEqual(['signstash', 'file-sync-service', 'syncd', 'relic']);
  expect(offered('sluice-agent', 'import', '--c')).toEqual(['--credentials']);
  expect(offered('sluice-agent', 'import', 'syncd', '')).toEqual([]);
  expect(offered('sluice-agent', 'import', 'syncd', '--j')).toEqual(['--json']);
  expect(offered('sluice-agent', 'completion', 'z')).toEqual(['zsh']);
  expect(offered('sluice-agent', 'init', '--mode', '')).toEqual(['move', 'mirror', 'append', 'receive']);
  expect(scriptFor('zsh')).toContain("'--mode:value:(move mirror append receive)'");
  expect(scriptFor('zsh')).toContain("'2:word:(bash zsh fish)' '*:file:_files'");
  expect(scriptFor('fish')).toContain("-x -a 'move mirror append receive' -l mode\n");
  expect(scriptFor('fish')).toContain(
    "not __fish_seen_subcommand_from bash zsh fish' -f -a 'bash zsh fish'\n",
  );
});

it('offers commands anew where the word to be completed is the first, whatever follows', () => {
  const script = `source completion
COMP_WORDS=(sluice-agent status); COMP_CWORD=1
_sluice_agent
printf '%s ' "\${COMPREPLY[@]}"; complete -p agent`;
  writeFileSync(join(directory, 'completion'), scriptFor('bash', 'agent'));
  const { stdout } = spawnSync('bash', ['-c', script], { cwd: directory, encoding: 'utf8' });
  expect(stdout).toBe('status complete -o default -F _sluice_agent agent\n');
});

it('offers files after each option that names one', () => {
  writeFileSync(join(directory, 'agent.yaml'), '');
  const pathsOf = Object.entries(COMMANDS).flatMap(([name, { on, options }]) =>
    [...(on === 'settings' ? ['config'] : []), ...Object.keys(options)]
      .filter((option) => ['config', 'output', 'path', 'credentials'].includes(option))
      .map((option) => [name, `--${option}`] as const),
  );
  expect(pathsOf.length).toBeGreaterThan(8);
  for (const [name, option] of pathsOf) {
    expect(offered('sluice-agent', name, option, 'agent.y'), option).toEqual(['agent.yaml']);
  }
  const [zsh, fish] = [scriptFor('zsh'), scriptFor('fish')];
  for (const [name, option] of pathsOf) {
    expect(zsh).toMatch(new RegExp(`^ +${name}\\) _arguments .*'${option}:file:_files'`, 'm'));
    expect(fish).toContain(`'__fish_seen_subcommand_from ${name}' -rF -l ${option.slice(2)}\n`);
  }
});

it.each(['zsh', 'fish'] as const)(
  'for %s has a line for every command, and for that alone its options',
  (shell) => {
    const stdout = scriptFor(shell, 'agent');
    for (const name of Object.keys(COMMANDS)) expect(stdout).toContain(name);
    const ofRetry = stdout.split('\n').filter((line) => /(?:^ +|from )retry\b/.test(line));
    expect(ofRetry).toEqual(
      shell === 'zsh'
        ? [
            "    retry) _arguments '--config:file:_files' '--folder:value: ' '--bucket:value: ' '--json' '--help' '*:file:_files' ;;",
          ]
        : [
            ['-rF', 'config'],
            ['-x', 'folder'],
            ['-x', 'bucket'],
            ['-f', 'json'],
            ['-f', 'help'],
          ].map(
            ([value, long]) => `complete -c agent -n '__fish_seen_subcommand_from retry' ${value} -l ${long}`,
          ),
    );
  },
);

it('for zsh completes from its first use on, in a file of fpath as well', () => {
  const stdout = scriptFor('zsh');
  expect(stdout).toMatch(/^#compdef sluice-agent\n/);
  expect(stdout.trimEnd().split('\n').slice(-5)).toEqual([
    'if [[ $funcstack[1] == _* ]]; then',
    '  _sluice_agent "$@"',
    'else',
    '  compdef _sluice_agent sluice-agent',
    'fi',
  ]);
});
