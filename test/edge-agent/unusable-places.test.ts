/** What a command says of a directory that it cannot use: the setting, the place and what to do about it. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import { agentIn, heldBackAgentIn } from './command-process.ts';

let directory: string;

beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'sluice-unusable-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  directory = made;
});

const agent = (...args: string[]) => agentIn(directory, ...args);

function settings(folder: string, stateDirectory: string): string {
  const file = join(directory, 'agent.yaml');
  const folders = `[{ name: inbox, path: ${folder}, prefix: input/ }]`;
  writeFileSync(file, `stateDirectory: ${stateDirectory}\nstore: { bucket: hub }\nfolders: ${folders}\n`);
  return file;
}

describe('a state directory that cannot be made', () => {
  const file = () => settings(directory, '/proc/nope');
  const said = 'stateDirectory /proc/nope cannot be made: ENOENT';

  it('ends the agent, which names the setting and what to do', () => {
    const { status, stderr } = agent('once', '--config', file());
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining(`sluice-agent: ${said}\nCreate /proc/nope for the agent's user`),
    });
  });

  it.each(['once', 'run'])('is the last JSON line of %s --json, and nothing is on stderr', (command) => {
    const { status, stdout, stderr } = agent(command, '--json', '--config', file());
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      level: 'ERROR',
      message: said,
      hint: expect.stringContaining('Create /proc/nope'),
    });
  });

  it('fails the check', () => {
    const { stdout } = agent('check', '--json', '--config', file());
    expect(JSON.parse(stdout).checks[0]).toMatchObject({
      outcome: 'fail',
      detail: "nothing can be made in /proc: it is the kernel's",
    });
  });
});

describe('accept-folder', () => {
  it('refuses a folder that is not there, and then still knows the one that was', () => {
    const [folder, state] = [join(directory, 'inbox'), join(directory, 'state')];
    const config = settings(folder, state);
    mkdirSync(state);
    const known = () => {
      const index = openIndex(join(state, 'index.db'));
      const note = index.note('folder-id/inbox');
      index.close();
      return note;
    };
    const index = openIndex(join(state, 'index.db'));
    index.setNote('folder-id/inbox', 'an-id');
    index.close();
    const { status, stdout, stderr } = agent('accept-folder', '--folder', 'inbox', '--config', config);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(`folder inbox: ${folder} is not a directory`);
    expect(known()).toBe('an-id');
    mkdirSync(folder);
    expect(agent('accept-folder', '--folder', 'inbox', '--config', config).status).toBe(0);
    expect(known()).toBeUndefined();
  });
});

describe('check of a folder', () => {
  const checkOf = (result: { stdout: string }) =>
    JSON.parse(result.stdout).checks.find(({ name }: { name: string }) => name === 'folder inbox');

  it('that is a file says so', () => {
    const folder = join(directory, 'inbox');
    writeFileSync(folder, '');
    const config = settings(folder, directory);
    expect(checkOf(agent('check', '--json', '--config', config))).toMatchObject({
      outcome: 'fail',
      detail: `${folder} is not a directory`,
    });
  });

  it('that another user has run in first says whom to give the hidden directory', () => {
    const hidden = join(directory, 'inbox/.sluice');
    mkdirSync(hidden, { recursive: true });
    chmodSync(hidden, 0);
    const config = settings(join(directory, 'inbox'), directory);
    expect(checkOf(heldBackAgentIn(directory, 'check', '--json', '--config', config))).toMatchObject({
      outcome: 'fail',
      detail: expect.stringContaining('EACCES'),
      hint: `Give it to the agent's user: chown -R USER ${hidden}`,
    });
  });
});
