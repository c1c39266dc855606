/** What a person types and what the agent answers: help, mistakes, a first agent.yaml. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { openIndex } from '#adapters/host/index-db.ts';
import { agentSettings } from '#core/settings/agent.ts';
import { COMMANDS } from '../../edge-agent/commands.ts';
import { completionScript } from '../../edge-agent/completion.ts';
import { configFile, HOST_CONFIG } from '../../edge-agent/config-file.ts';
import { AGENT_MAIN } from './agent-process.ts';
import { agentIn, heldBackAgentIn } from './command-process.ts';

let directory: string;

beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'sluice-command-line-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  directory = made;
});

const agent = (...args: string[]) => agentIn(directory, ...args);

describe('help', () => {
  it('names every command, and each tells its usage and an example', () => {
    const { status, stdout } = agent('--help');
    expect(status).toBe(0);
    for (const name of Object.keys(COMMANDS)) expect(stdout).toContain(`\n  ${name} `);
    expect(stdout).toContain(`SLUICE_CONFIG names the file; else it is\n${HOST_CONFIG}, `);
    expect(stdout).toContain('Exit codes: 0 done; 1 ');
    const { stdout: retry } = agent('retry', '--help');
    expect(retry).toMatch(/^usage: sluice-agent retry \[--config FILE\] \[--folder NAME/);
    expect(retry).toContain('Examples:\n  sluice-agent retry --config agent.yaml --folder outbox');
    expect(agent('help', 'retry').stdout).toBe(retry);
  });

  it.each(Object.keys(COMMANDS))('of %s says what it does, with an example', (name) => {
    const { status, stdout, stderr } = agent(name, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      new RegExp(`^usage: sluice-agent ${name}\\b.*\n\nExamples:\n  sluice-agent ${name} `, 's'),
    );
    expect(stdout).toContain(COMMANDS[name]?.details);
    expect(stdout).toContain('Exit codes: 0 done; 1 ');
  });

  it('offers JSON of every command that answers anything but a document of its own', () => {
    for (const [name, { options, usage }] of Object.entries(COMMANDS)) {
      const hasJson = !['schema', 'completion'].includes(name);
      expect([name, 'json' in options, usage.includes('[--json]')]).toEqual([name, hasJson, hasJson]);
    }
  });

  it('goes to stderr, with exit code 2, when nothing was asked', () => {
    const { status, stdout, stderr } = agent();
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^usage: sluice-agent COMMAND/);
  });
});

it('tells its version, as a command and as an option, in words and as JSON', () => {
  const { status, stdout } = agent('version');
  expect({ status, said: stdout }).toEqual({
    status: 0,
    said: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/),
  });
  expect(agent('--version').stdout).toBe(stdout);
  expect(JSON.parse(agent('version', '--json').stdout)).toEqual({
    version: stdout.trimEnd(),
    node: process.version,
  });
});

describe('a mistake', () => {
  it.each([
    ['a command', ['stats'], 'stats is no command: did you mean status?'],
    ['an option', ['status', '--jsn'], '--jsn is no option of status: did you mean --json?'],
    ['settings that are not there', ['run', '--config', 'none.yaml'], 'none.yaml cannot be read: ENOENT'],
    ['the name of the settings, which is a directory', ['run', '--config', '.'], '. cannot be read: EISDIR'],
    ['the command, which is missing', ['--config'], 'which command? sluice-agent --config FILE COMMAND'],
    ['the command, which is missing,', ['--config=x'], 'which command? sluice-agent --config FILE COMMAND'],
    ['words that nobody reads', ['completion', 'bash', 'x', 'y', 'z'], 'y z is too much'],
    ['the only option', ['schema', '--json'], '--json is no option of schema: there is --help'],
    ['a shell', ['completion', 'csh'], 'which shell? sluice-agent completion bash, zsh or fish'],
  ])('in %s is named, with exit code 2', (_what, args, said) => {
    const { status, stdout, stderr } = agent(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(`sluice-agent: ${said}`);
  });

  it('is told with what to do next: another file, other permissions, or a first file', () => {
    writeFileSync(join(directory, 'mine.yaml'), '');
    chmodSync(join(directory, 'mine.yaml'), 0);
    const refused = heldBackAgentIn(directory, 'run', '--config', 'mine.yaml');
    expect(refused.stderr).toContain('mine.yaml cannot be read: EACCES');
    expect(refused.stderr).toContain('Start the agent as a user who may read it');
    expect(agent('run', '--config', '.').stderr).toContain('Name the file in it.');
    expect(agent('run', '--config', 'none.yaml').stderr).toContain('`sluice-agent init` writes a first one.');
  });

  it('in the name of a folder is named, with the nearest that there is', () => {
    writeFileSync(
      join(directory, 'agent.yaml'),
      'store: { bucket: b }\nfolders: [{ name: outbox, path: /srv/out, prefix: output/ }]\n',
    );
    const { status, stderr } = agent('retry', '--config', 'agent.yaml', '--folder', 'outbux');
    expect(status).toBe(2);
    expect(stderr).toContain('--folder: outbux is no folder of the settings: did you mean outbox?');
  });
});

it('names a count in words for people, and in one word for programs', () => {
  const config = join(directory, 'agent.yaml');
  const folders = `[{ name: out, path: ${directory}, prefix: out/ }]`;
  writeFileSync(config, `stateDirectory: ${directory}\nstore: { bucket: hub }\nfolders: ${folders}\n`);
  openIndex(join(directory, 'index.db')).close();
  const approve = ['approve-deletes', '--config', config, '--folder', 'out'];
  expect(agent(...approve).stdout).toBe('out: deletes held: 0, approved: false\n');
  expect(JSON.parse(agent(...approve, '--json').stdout)).toEqual([
    { name: 'out', heldDeletes: 0, approved: false },
  ]);
});

describe('the file with the settings', () => {
  it('is the named one, else that of SLUICE_CONFIG, else that of the host where there is one', () => {
    const place = join(directory, 'agent.yaml');
    expect(configFile(undefined, {}, place)).toBeUndefined();
    writeFileSync(place, '');
    expect(configFile(undefined, {}, place)).toBe(place);
    expect(configFile(undefined, { SLUICE_CONFIG: 'mine.yaml' }, place)).toBe('mine.yaml');
    expect(configFile('named.yaml', { SLUICE_CONFIG: 'mine.yaml' }, place)).toBe('named.yaml');
  });
});

describe('the option for that file', () => {
  it.each([
    ['--config', 'none.yaml', 'status'],
    ['--config=none.yaml', 'status'],
    ['status', '--config=none.yaml'],
  ])('is read before the command and after it: %s %s %s', (...args) => {
    const { status, stderr } = agent(...args);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining('none.yaml cannot be read: ENOENT'),
    });
  });
});

describe('init', () => {
  it('writes settings that pass the check of settings, from flags alone', () => {
    const { status, stdout } = agent('init', '--bucket', 'hub', '--path', '/srv/Out Box', '--mode', 'mirror');
    expect(status).toBe(0);
    expect(stdout).toContain('Next:\n  sluice-agent check --config agent.yaml ');
    const text = readFileSync(join(directory, 'agent.yaml'), 'utf8');
    expect(text).toMatch(/^# yaml-language-server: \$schema=agent\.schema\.json\n/);
    expect(text).toContain('check --config THIS-FILE, then run --config THIS-FILE.');
    const { folders } = agentSettings.parse(parse(text));
    expect(folders[0]).toMatchObject({
      name: 'out-box',
      path: '/srv/Out Box',
      prefix: 'output/',
      mode: 'mirror',
    });
  });

  it('makes the directory, names as JSON what it wrote, and proposes a prefix for the mode', () => {
    const args = ['--bucket', 'hub', '--path', '/srv/in', '--mode', 'receive', '--output', 'new/agent.yaml'];
    const { status, stdout } = agent('init', ...args, '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ file: 'new/agent.yaml' });
    const { folders } = agentSettings.parse(parse(readFileSync(join(directory, 'new/agent.yaml'), 'utf8')));
    expect(folders[0]).toMatchObject({ mode: 'receive', prefix: 'input/' });
    const below = agent('init', '--bucket', 'hub', '--path', '/srv/in', '--output', 'new/agent.yaml/x');
    expect(below.status).toBe(2);
    expect(below.stderr).toContain('new/agent.yaml/x cannot be written');
    // Where Node's own way of making parents never ends.
    const nowhere = agent('init', '--bucket', 'hub', '--path', '/srv/in', '--output', '/proc/new/agent.yaml');
    expect(nowhere.status).toBe(2);
    expect(nowhere.stderr).toContain('/proc/new/agent.yaml cannot be written: ENOENT');
  });

  it('means its comments: every one that is a setting can be taken as it is', () => {
    agent('init', '--bucket', 'hub', '--path', '/srv/out');
    const text = readFileSync(join(directory, 'agent.yaml'), 'utf8');
    const uncommented = text.replace(/^(\s*)# ([a-zA-Z]+: .*)$/gm, (line, space: string, setting: string) =>
      // One of two ways to name credentials, and what is said of modes.
      /accessKeyVariable|^(?:move|yaml-language-server)/.test(setting) ? line : `${space}${setting}`,
    );
    expect(uncommented).not.toBe(text);
    expect(agentSettings.parse(parse(uncommented)).limits.bandwidth).toBe(10_000_000);
  });

  it('asks what no flag says, and again when an answer cannot be', async () => {
    // `script` gives it a terminal.
    const command = `${process.execPath} ${AGENT_MAIN} init --path /srv/out --prefix in/`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: directory, stdio: 'pipe' });
    let said = '';
    child.stdout.on('data', (text) => {
      said += text;
    });
    const answerTo = async (question: string, answer: string) => {
      await expect.poll(() => said, { timeout: 20_000 }).toContain(question);
      said = said.slice(said.indexOf(question) + question.length);
      child.stdin.write(`${answer}\n`);
    };
    const ended = new Promise((resolve) => child.on('exit', resolve));
    await answerTo('Bucket', 'my-hub');
    await answerTo('URL of the store', 'minio:9000');
    await answerTo('found "minio:9000", expected a URL', 'http://minio.example:9000');
    await answerTo('move, mirror, append or receive [move]', '');
    expect(await ended).toBe(0);
    const { store, folders } = agentSettings.parse(
      parse(readFileSync(join(directory, 'agent.yaml'), 'utf8')),
    );
    expect(store).toMatchObject({ bucket: 'my-hub', endpoint: 'http://minio.example:9000' });
    expect(folders[0]).toMatchObject({ path: '/srv/out', prefix: 'in/', mode: 'move' });
  });

  it('never writes over a file, and writes none when an answer is wrong', () => {
    const wrong = agent('init', '--bucket', 'hub', '--path', 'relative');
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('--path: found "relative", expected an absolute path');
    expect(existsSync(join(directory, 'agent.yaml'))).toBe(false);

    writeFileSync(join(directory, 'agent.yaml'), 'mine');
    const there = agent('init', '--bucket', 'hub', '--path', '/srv/out');
    expect(there.status).toBe(2);
    expect(there.stderr).toContain('agent.yaml is there already');
    expect(readFileSync(join(directory, 'agent.yaml'), 'utf8')).toBe('mine');
  });
});

it('prints the completion script of a shell, for the name that the agent is called by', () => {
  const { status, stdout } = agent('completion', 'fish', 'my-agent');
  expect({ status, stdout }).toEqual({ status: 0, stdout: completionScript('fish', 'my-agent', COMMANDS) });
});

it('prints the same JSON Schema as docs/agent.schema.json', () => {
  const docs = readFileSync(join(import.meta.dirname, '../../docs/agent.schema.json'), 'utf8');
  expect(agent('schema').stdout).toBe(docs);
});
