/** Agents with a policy of the deployed stack: what it lets them do, and, where policies are enforced, what not. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { objectKey } from '#core/key.ts';
import { contentOf } from '../contracts/object-store.ts';
import { agentUnderTest } from '../edge-agent/agent-process.ts';
import { userWithPolicy } from './iam-user.ts';
import { stackUnderTest } from './stack-under-test.ts';

const stack = await stackUnderTest();
const bucket = stack.output('HubName');
const user = await userWithPolicy(stack.output('AgentLocalPolicyArn'), stack.endpoint, stack.root);
const asAgent = stack.store(bucket, user);
const SOON = { timeout: 90_000, interval: 250 };
const REFUSED = { code: 'AccessDenied' };

/** The agent `local` of infra/local/sluice.yaml, signed in as the user, with these folders. */
async function localAgent(folders: { name: string; prefix: string; mode: string }[], more = {}) {
  const agent = await agentUnderTest({
    bucket,
    endpoint: stack.endpoint,
    environment: {
      ...stack.environment,
      AWS_ACCESS_KEY_ID: user.accessKeyId,
      AWS_SECRET_ACCESS_KEY: user.secretAccessKey,
    },
  });
  const base = join(agent.folder, '..');
  const pathOf = (name: string) => join(base, name);
  for (const { name } of folders) mkdirSync(pathOf(name), { recursive: true });
  const settings = {
    name: 'local',
    store: { bucket, endpoint: stack.endpoint },
    stateDirectory: join(base, 'state'),
    folders: folders.map((folder) => ({ ...folder, path: pathOf(folder.name), interval: '1h' })),
    log: { level: 'DEBUG' },
    ...more,
  };
  writeFileSync(agent.config, stringify(settings));
  return { pathOf, start: agent.start };
}

it('an agent with only its policy moves files below its prefix, says in the hub that it lives, and tries the store out', async () => {
  const run = randomUUID();
  const { pathOf, start } = await localAgent([{ name: 'output', prefix: `output/${run}/`, mode: 'move' }]);
  const agent = start('run');
  await agent.says('watching');
  await agent.says('the store was asked what it can do');
  writeFileSync(join(pathOf('output'), 'a.txt'), 'moved');
  await agent.says(`removed output/${run}/a.txt`);
  expect(existsSync(join(pathOf('output'), 'a.txt'))).toBe(false);
  expect(await contentOf(stack.hub, objectKey(`output/${run}/a.txt`))).toBe('moved');
  await expect
    .poll(() => stack.hub.head(objectKey('.sluice/agents/local/heartbeat.json')), SOON)
    .toBeDefined();
  agent.process.kill('SIGTERM');
  expect(await agent.exit).toBe(0);
  expect(agent.output()).not.toContain('AccessDenied');
  const left = await Array.fromAsync(stack.hub.list(`output/${run}/`), ({ key }) => key);
  expect(left).toEqual([`output/${run}/a.txt`]);
});

it('the reserved keys of agents come neither into the ledger nor to a destination', async () => {
  const reserved = ['.sluice/agents/local/heartbeat.json', `output/.sluice-probe-${randomUUID()}`];
  const after = objectKey(`output/after-${randomUUID()}`);
  for (const key of [...reserved, after]) {
    await stack.hub.put(objectKey(key), Buffer.from('x'), { metadata: {} });
  }
  for (const mirror of stack.mirrors) await expect.poll(() => mirror.head(after), SOON).toBeDefined();
  for (const output of ['EventReplayQueueUrl', 'MirrorMirrorQueueUrl', 'MirrorOffsiteQueueUrl']) {
    await expect.poll(() => stack.waiting(stack.output(output)), SOON).toBe(0);
  }
  for (const key of reserved) {
    expect(await stack.ledger.get(objectKey(key))).toBeUndefined();
    for (const mirror of stack.mirrors) expect(await mirror.head(objectKey(key))).toBeUndefined();
  }
});

describe('the policy of an agent', () => {
  const own = (prefix: string) => objectKey(`${prefix}${randomUUID()}`);
  const body = Buffer.from('x');
  const put = (key: ReturnType<typeof own>) => asAgent.put(key, body, { metadata: {} });

  it('lets it upload, look and list below its prefix, whole and in parts, and tells what is absent', async () => {
    const key = own('output/');
    expect(await asAgent.head(key)).toBeUndefined();
    await put(key);
    expect(await asAgent.head(key)).toMatchObject({ sizeBytes: 1 });
    expect(await Array.fromAsync(asAgent.list(key), (object) => object.key)).toEqual([key]);
    const upload = await asAgent.createMultipart(key, { metadata: {} });
    await asAgent.uploadPart(key, upload, 1, body);
    const open = await Array.fromAsync(asAgent.listUploads(key), ({ uploadId }) => uploadId);
    expect(open).toEqual([upload]);
    await asAgent.abortMultipart(key, upload);
  });

  it('lets it download and remove what it is to receive', async () => {
    const key = own('input/');
    await stack.hub.put(key, body, { metadata: {} });
    expect(await contentOf(asAgent, key)).toBe('x');
    await asAgent.delete(key);
    expect(await stack.hub.head(key)).toBeUndefined();
  });

  it('lets it write and remove probes where it may upload, and where it receives', async () => {
    for (const prefix of ['output/', 'input/']) {
      const probe = own(`${prefix}.sluice-probe-`);
      await put(probe);
      await asAgent.delete(probe);
      expect(await asAgent.head(probe)).toBeUndefined();
    }
  });

  it('lets it write and read its reserved keys', async () => {
    for (const prefix of ['.sluice/owners/', '.sluice/agents/local/']) {
      const key = own(prefix);
      await put(key);
      expect(await contentOf(asAgent, key)).toBe('x');
    }
  });

  it('lets it take messages from its queue', async () => {
    expect(await stack.receive(stack.output('AgentLocalQueueUrl'), user)).toBeInstanceOf(Array);
  });

  if (!stack.policiesEnforced) return;

  it('does not let it delete what it has moved', async () => {
    const key = own('output/');
    await put(key);
    await expect(asAgent.delete(key)).rejects.toMatchObject(REFUSED);
    expect(await stack.hub.head(key)).toBeDefined();
  });

  it('does not let it write where it only receives', async () => {
    await expect(put(own('input/'))).rejects.toMatchObject(REFUSED);
  });

  it.each(['elsewhere/', 'outputs/', '.sluice/agents/other/'])(
    'does not let it read, write or list %s',
    async (prefix) => {
      const key = own(prefix);
      await stack.hub.put(key, body, { metadata: {} });
      await expect(asAgent.head(key)).rejects.toMatchObject(REFUSED);
      await expect(put(key)).rejects.toMatchObject(REFUSED);
      await expect(Array.fromAsync(asAgent.list(prefix))).rejects.toMatchObject(REFUSED);
    },
  );

  it('does not let it near other buckets and queues', async () => {
    const elsewhere = stack.store(stack.output('ReportsName'), user);
    await expect(elsewhere.head(own('state/'))).rejects.toMatchObject(REFUSED);
    await expect(stack.receive(stack.output('EventReplayQueueUrl'), user)).rejects.toThrow(/not authorized/);
  });

  it('makes the agent say what is wrong with a folder whose prefix is outside, and keep its files', async () => {
    const run = randomUUID();
    const { pathOf, start } = await localAgent([{ name: 'else', prefix: `else/${run}/`, mode: 'move' }]);
    const file = join(pathOf('else'), 'a.txt');
    writeFileSync(file, 'kept');
    const agent = start('once');
    expect(await agent.exit).toBe(1);
    expect(agent.output()).toContain('AccessDenied');
    expect(agent.output()).toContain('Check the policy of these credentials for this bucket and prefix.');
    expect(readFileSync(file, 'utf8')).toBe('kept');
    expect(await Array.fromAsync(stack.hub.list(`else/${run}/`))).toEqual([]);
  });
});

it('an agent receives an object that only the queue has told it of, and removes it from the hub', async () => {
  const queue = stack.output('AgentLocalQueueUrl');
  const run = randomUUID();
  const { pathOf, start } = await localAgent([{ name: 'input', prefix: `input/${run}/`, mode: 'receive' }], {
    queue,
  });
  const first = objectKey(`input/${run}/listed.txt`);
  await stack.hub.put(first, Buffer.from('listed'), { metadata: {} });
  const agent = start('run');
  const received = (name: string) => () => {
    const path = join(pathOf('input'), name);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  };
  // The next listing is an hour away.
  await expect.poll(received('listed.txt'), SOON).toBe('listed');
  await expect.poll(() => stack.hub.head(first), SOON).toBeUndefined();
  const key = objectKey(`input/${run}/deep/told + told.txt`);
  await stack.hub.put(key, Buffer.from('told'), { metadata: {} });
  await expect.poll(received('deep/told + told.txt'), SOON).toBe('told');
  await expect.poll(() => stack.hub.head(key), SOON).toBeUndefined();
  await expect.poll(() => stack.waiting(queue), SOON).toBe(0);
  agent.process.kill('SIGTERM');
  expect(await agent.exit).toBe(0);
  expect(agent.output()).not.toContain('AccessDenied');
});
