/** `--json` of every command that has settings: a script reads stdout whole, or line by line where it is a log. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { COMMANDS } from '../../edge-agent/commands.ts';
import { type AgentUnderTest, agentUnderTest } from './agent-process.ts';

vi.setConfig({ testTimeout: 120_000 });

/** What each prints, after one pass with one file. */
const DOCUMENTS: Readonly<Record<string, { args?: readonly string[]; shape: object }>> = {
  check: {
    shape: {
      ok: true,
      checks: expect.arrayContaining([expect.objectContaining({ name: 'credentials', ok: true })]),
    },
  },
  status: {
    shape: {
      running: false,
      folders: [expect.objectContaining({ folder: 'output', waiting: 0 })],
      buckets: [],
    },
  },
  retry: { shape: [{ name: 'output', waiting: 0 }] },
  'approve-deletes': {
    args: ['--folder', 'output'],
    shape: [{ name: 'output', heldDeletes: 0, approved: false }],
  },
  'accept-folder': { args: ['--folder', 'output'], shape: [{ name: 'output', accepted: true }] },
};
const LOGS = ['once', 'run'];

async function ended(agent: AgentUnderTest, command: string, ...args: readonly string[]) {
  const running = agent.start(command, '--json', ...args);
  expect(await running.exit, command).toBe(0);
  return running.output();
}

function messagesOf(log: string): string[] {
  return log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).message);
}

it('is known here for every command that has settings', () => {
  const withSettings = Object.keys(COMMANDS).filter((name) => COMMANDS[name]?.on === 'settings');
  expect([...Object.keys(DOCUMENTS), ...LOGS].toSorted()).toEqual(withSettings.toSorted());
});

it('makes one document of an answer, and an object of each line of a log', async () => {
  const agent = await agentUnderTest();
  writeFileSync(join(agent.folder, 'file'), 'content');
  expect(messagesOf(await ended(agent, 'once'))).toContain('uploaded');
  for (const [command, { args = [], shape }] of Object.entries(DOCUMENTS)) {
    expect(JSON.parse(await ended(agent, command, ...args)), command).toMatchObject(shape);
  }
  const running = agent.start('run', '--json');
  await running.says('"message":"watching"');
  running.process.kill('SIGTERM');
  expect(await running.exit).toBe(0);
  expect(messagesOf(running.output())).toContain('stopped');
});
