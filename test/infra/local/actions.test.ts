/** What the buttons do, and what they say when it fails. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { startFileManager } from '../../../infra/local/file-manager.ts';
import { startGate } from '../../../infra/local/gate.ts';
import { createActions } from '../../../infra/local/live/actions.ts';

async function playground() {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-actions-'));
  const fileManager = await startFileManager();
  const gate = await startGate(fileManager.url);
  onTestFinished(async () => {
    await gate.stop();
    await fileManager.stop();
    await rm(folder, { recursive: true, force: true });
  });
  let isRunning = true;
  const agent = {
    isRunning: () => isRunning,
    ended: new Promise<number>(() => {}),
    start: async () => {
      isRunning = true;
    },
    kill: async () => {
      isRunning = false;
    },
    restart: async () => {},
    stop: async () => {},
  };
  const watch = {
    follow: async () => {},
    totals: () => ({ objects: 0, bytes: 0, verified: {}, delivered: 0, lingering: 0 }),
    report: async () => {
      throw new SyncError('state-report failed', { op: 'state-report', retryable: true });
    },
  };
  const settings = { destinations: [{ name: 'mirror' }, { name: 'offsite', endpoint: gate.url }] } as never;
  const system = { agent, gate, fileManager, folder, watch, settings };
  const said: string[] = [];
  const shell = { reconcile: async () => {}, say: (line: string) => void said.push(line), nowMs: () => 0 };
  return { ...system, actions: createActions(system, shell), system, shell, said };
}

it('each button undoes what it did, and keeps its id', async () => {
  const { actions, agent, gate, fileManager } = await playground();
  const press = (id: string) => actions.run(actions.buttons()[id]?.action ?? '');
  const ids = Object.keys(actions.buttons());
  for (const [id, isBroken] of [
    ['destination', () => !gate.isOpen()],
    ['files', () => fileManager.failing() > 0],
    ['agent', () => !agent.isRunning()],
  ] as const) {
    const label = actions.buttons()[id]?.label;
    await press(id);
    expect(isBroken()).toBe(true);
    expect(actions.buttons()[id]?.label).not.toBe(label);
    await press(id);
    expect(isBroken()).toBe(false);
    expect(actions.buttons()[id]?.label).toBe(label);
  }
  expect(Object.keys(actions.buttons())).toEqual(ids);
});

it('a broken file manager stays broken, however often it is called', async () => {
  const { actions, fileManager } = await playground();
  await actions.run('break-files');
  for (let call = 0; call < 3; call++) {
    const headers = { 'idempotency-key': `${call}` };
    const answer = await fetch(`${fileManager.url}/delete`, { method: 'POST', headers, body: '{"key":"a"}' });
    expect(answer.status).toBe(503);
  }
});

it('drops whole files in the folder', async () => {
  const { actions, folder } = await playground();
  expect(await actions.run('drop-files')).toBe('5 files were dropped in output/sample-0101T000000.');
  expect(await readdir(join(folder, 'output', 'sample-0101T000000'))).toHaveLength(5);
});

it('says why something failed, and knows no other action', async () => {
  const { actions, said } = await playground();
  expect(await actions.run('report')).toBe('It failed: state-report failed');
  // On the terminal as well: the page may be open elsewhere.
  expect(said).toEqual(['page     It failed: state-report failed']);
  expect(actions.run('toString')).toBeUndefined();
});

it('offers to break no destination where it cannot', async () => {
  const { system, shell } = await playground();
  const actions = createActions({ ...system, gate: undefined }, shell);
  expect(actions.buttons()).not.toHaveProperty('destination');
  expect(actions.run('break-destination')).toBeUndefined();
});
