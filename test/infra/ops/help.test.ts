import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../infra/ops/commands.ts';
import { commandHelp, helpText } from '../../../infra/ops/help.ts';

it('lists every command with what it does, the options of all, and the exit codes', () => {
  const text = helpText(COMMANDS);
  for (const [name, { summary }] of Object.entries(COMMANDS)) {
    const [line] = text.split('\n').filter((one) => one.startsWith(`  ${name} `));
    expect(line?.slice(`  ${name} `.length).trim()).toBe(summary);
  }
  for (const option of ['--stack NAME', '--json', '--profile NAME', '--region NAME', '--help']) {
    expect(text).toContain(`\n  ${option} `);
  }
  expect(text).toMatch(/^Exit codes: 0 done; 1 .*; 2 wrong usage, nothing touched\.$/m);
});

describe.each(Object.entries(COMMANDS))('the help of %s', (name, command) => {
  const text = commandHelp(name, command);

  it('begins with its usage, which names each of its options and no other', () => {
    const [usage = ''] = text.split('\n\n');
    expect(usage).toMatch(new RegExp(`^usage: npm run ops -- ${name}( |$)`));
    const named = [...command.usage.matchAll(/--([a-z][a-z-]*)/g)].map(([, option = '']) => option);
    expect(named.toSorted()).toEqual(Object.keys(command.options).toSorted());
  });

  it('has an example that can be pasted, silent where the output goes to a file or a program', () => {
    const examples = text.match(new RegExp(`^  npm run (?:-s )?ops -- ${name}\\b.*$`, 'gm')) ?? [];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(example.includes('run -s '), example).toBe(/--json|>/.test(example));
    }
  });
});
