/** `completion SHELL`: a script that completes commands, their words and options, and files after those that name one. */
import { type Commands, SHELLS } from './command.ts';

export type Shell = (typeof SHELLS)[number];
/** Options that are followed by a path. */
const PATHS = ['--config', '--output', '--credentials', '--path'];

export function isShell(name: string): name is Shell {
  return SHELLS.some((known) => known === name);
}

/** @param program the name under which the agent is called */
export function completionScript(shell: Shell, program: string, commands: Commands): string {
  switch (shell) {
    case 'bash':
      return bash(program, commands);
    case 'zsh':
      return zsh(program, commands);
    case 'fish':
      return fish(program, commands);
  }
}

function optionsOf({ options, on }: Commands[string]): string[] {
  return [...(on === 'settings' ? ['config'] : []), ...Object.keys(options), 'help'].map(
    (name) => `--${name}`,
  );
}

function bash(program: string, commands: Commands): string {
  const words = Object.keys(commands).join(' ');
  const cases = Object.entries(commands).map(([name, command]) => {
    const first = command.words === undefined ? '' : ` first='${command.words.join(' ')}'`;
    return `    ${name}) words='${optionsOf(command).join(' ')}'${first} ;;`;
  });
  const choices = Object.entries(commands).flatMap(([name, command]) =>
    Object.entries(command.choices ?? {}).map(
      ([option, some]) => `    '${name} --${option}') words='${some.join(' ')}' ;;\n`,
    ),
  );
  return `_sluice_agent() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" words='' first=''
  COMPREPLY=()
  if [[ ' ${PATHS.join(' ')} ' == *" $previous "* ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words='${words}' ;;
  esac
  if [[ $first && $current != -* ]]; then
    words=''
    ((COMP_CWORD == 2)) && words="$first"
  fi
  case "\${COMP_WORDS[1]} $previous" in
${choices.join('')}  esac
  ((COMP_CWORD == 1)) && words='${words}'
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _sluice_agent ${program}
`;
}

function zsh(program: string, commands: Commands): string {
  const described = Object.entries(commands).map(([name, { summary }]) => `    '${name}:${quoted(summary)}'`);
  const cases = Object.entries(commands).map(
    ([name, command]) =>
      `    ${name}) _arguments ${optionsOf(command)
        .map((option) => `'${option}${zshValue(option, command)}'`)
        .join(
          ' ',
        )} ${command.words === undefined ? '' : `'2:word:(${command.words.join(' ')})' `}'*:file:_files' ;;`,
  );
  return `#compdef ${program}
_sluice_agent() {
  local -a commands=(
${described.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  case $words[2] in
${cases.join('\n')}
  esac
}
# In a file of fpath this is the function itself, called for the first time; sourced, it is not.
if [[ $funcstack[1] == _* ]]; then
  _sluice_agent "$@"
else
  compdef _sluice_agent ${program}
fi
`;
}

function fish(program: string, commands: Commands): string {
  const lines = Object.entries(commands).flatMap(([name, command]) => [
    `complete -c ${program} -n __fish_use_subcommand -f -a ${name} -d '${quoted(command.summary)}'`,
    ...(command.words === undefined ? [] : [fishWords(program, name, command.words.join(' '))]),
    ...optionsOf(command).map((option) => {
      const long = option.slice('--'.length);
      const some = choicesOf(option, command);
      const any = some === undefined ? '-x' : `-x -a '${some.join(' ')}'`;
      const value = PATHS.includes(option) ? '-rF' : takesValue(option, command) ? any : '-f';
      return `complete -c ${program} -n '__fish_seen_subcommand_from ${name}' ${value} -l ${long}`;
    }),
  ]);
  return `${lines.join('\n')}\n`;
}

/** Until one of them is there; then files may follow. */
function fishWords(program: string, name: string, words: string): string {
  const first = `__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${words}`;
  return `complete -c ${program} -n '${first}' -f -a '${words}'`;
}

function choicesOf(option: string, { choices = {} }: Commands[string]): readonly string[] | undefined {
  return choices[option.slice('--'.length)];
}

/** Without it zsh would take the value for the next word. */
function zshValue(option: string, command: Commands[string]): string {
  if (PATHS.includes(option)) return ':file:_files';
  const some = choicesOf(option, command);
  if (some !== undefined) return `:value:(${some.join(' ')})`;
  return takesValue(option, command) ? ':value: ' : '';
}

function takesValue(option: string, { options }: Commands[string]): boolean {
  return options[option.slice('--'.length)]?.type === 'string';
}

function quoted(text: string): string {
  return text.replaceAll("'", '’');
}
