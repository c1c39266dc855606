/** The folders of one agent, in this process, against a real S3 server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createFolders } from '../../edge-agent/folders.ts';
import { createLog } from '../../edge-agent/log.ts';
import { agentUnderTest, storeCredentials } from './agent-process.ts';
import { storeSettings } from './store-settings.ts';

it('brings a folder to the bucket in a pass although another one is missing', async () => {
  const { base, folder, bucket, endpoint, store } = await agentUnderTest();
  const { accessKeyId, secretAccessKey } = storeCredentials();
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
  writeFileSync(join(folder, 'f'), 'content');
  const mode = 'append';
  const settings = storeSettings({
    store: { bucket, endpoint },
    stateDirectory: join(base, 'state'),
    exclusive: false,
    folders: [
      { name: 'missing', path: join(base, 'missing'), prefix: 'missing/', mode },
      { name: 'there', path: folder, prefix: 'there/', mode },
    ],
  });
  const lines: Record<string, unknown>[] = [];
  const folders = await createFolders(settings, {
    agent: 'test',
    version: '0',
    startedMs: 0,
    log: createLog({ level: 'ERROR', format: 'json' }, (line) => void lines.push(JSON.parse(line))),
    metrics: { done: () => undefined, lag: () => undefined },
    bucketViews: () => [],
    onDamage: () => undefined,
  });
  onTestFinished(async () => {
    await folders.close();
    vi.unstubAllEnvs();
  });
  expect(await folders.once()).toBe(1);
  expect(await Array.fromAsync(store.list('there/'), ({ key }) => key)).toEqual(['there/f']);
  expect(lines).toMatchObject([
    { folder: 'missing', message: expect.stringContaining('is not a directory'), hint: expect.any(String) },
  ]);
});
