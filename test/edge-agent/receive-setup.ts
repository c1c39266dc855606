/** A `receive` folder on a real file system, in this process, with a store that is told when to fail. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { openIndex } from '#adapters/host/index-db.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectHead, ObjectStore } from '#core/ports.ts';
import type { FolderContext } from '../../edge-agent/folder.ts';
import { createLeases } from '../../edge-agent/leases.ts';
import { createLog } from '../../edge-agent/log.ts';
import type { Done } from '../../edge-agent/metrics.ts';
import { hostStart } from '../../edge-agent/older-file.ts';
import type { ReceiveOptions } from '../../edge-agent/receive-folder.ts';
import { createReceiveRunner } from '../../edge-agent/receive-runner.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import { storeSettings } from './store-settings.ts';

const PREFIX = 'in/';

export function receiveSetup(
  folder: Record<string, unknown> = {},
  limits: Record<string, unknown> = {},
  options: ReceiveOptions & { store?: (memory: ObjectStore) => ObjectStore } = {},
) {
  const root = join(temporaryFolder(), 'folder');
  mkdirSync(root);
  const state = temporaryFolder();
  const memory = createMemoryStore();
  const store = options.store?.(memory) ?? memory;
  const index = openIndex(join(state, 'index.db'));
  const leases = createLeases();
  const lines: Record<string, unknown>[] = [];
  const counts: Partial<Record<Done, number>> = {};
  const settings = storeSettings({
    store: { bucket: 'bucket' },
    stateDirectory: state,
    exclusive: false,
    folders: [{ name: 'in', path: root, prefix: PREFIX, mode: 'receive', ...folder }],
    limits: { minFreeBytes: 0, ...limits },
  });
  const [first] = settings.folders;
  if (first === undefined) throw new Error('no folder');
  const context: FolderContext = {
    agent: 'test',
    settings,
    folder: first,
    store,
    index,
    leases,
    log: createLog({ level: 'DEBUG', format: 'json' }, (line) => void lines.push(JSON.parse(line))),
    metrics: {
      done: (_folder, what) => {
        counts[what] = (counts[what] ?? 0) + 1;
      },
      lag: () => undefined,
    },
    hostStart: hostStart(index, 0),
    parts: createByteBudget(1024 * 1024),
    capabilities: () => undefined,
    onCompared: () => undefined,
    onChanged: () => undefined,
  };
  const runners: { stop(): Promise<void> }[] = [];
  onTestFinished(async () => {
    await Promise.all(runners.map((runner) => runner.stop()));
    leases.close();
    index.close();
  });
  const start = () => {
    const runner = createReceiveRunner(context, options);
    runners.push(runner);
    return runner;
  };
  return {
    context,
    root,
    memory,
    index,
    lines,
    counts,
    start,
    path: (name: string) => join(root, name),
    key: (name: string) => objectKey(PREFIX + name),
    put: (name: string, content: string | Buffer, metadata: Record<string, string> = {}) =>
      memory.put(objectKey(PREFIX + name), Buffer.from(content), { metadata }),
    read: (name: string) => readFileSync(join(root, name), 'utf8'),
    has: (name: string) => existsSync(join(root, name)),
    inBucket: (name: string) => memory.contents(objectKey(PREFIX + name)) !== undefined,
    row: (name: string) => index.get('in', Buffer.from(name)),
    /** One pass, with a runner of its own. */
    async once() {
      const runner = start();
      const left = await runner.once();
      await runner.stop();
      return left;
    },
    /** What is in the folder, the agent's own aside. */
    tree: () =>
      readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((name) => !name.startsWith('.sluice'))
        .sort(),
    leftovers: () => readdirSync(join(root, '.sluice/incoming')),
    /** Runs once, before the first call of the operation. */
    first(op: string, action: () => unknown) {
      let done = false;
      memory.before(async (called) => {
        if (called !== op || done) return;
        done = true;
        await action();
      });
    },
    messages: (level: string) => lines.filter((line) => line.level === level).map((line) => line.message),
  };
}

/** As with KMS: an ETag of 32 hex digits that are no MD5. */
export function encrypted(memory: ObjectStore): ObjectStore {
  const tag = (etag: string) => [...etag].reverse().join('');
  const told = ({ md5: _none, etag, ...head }: ObjectHead): ObjectHead => ({ ...head, etag: tag(etag) });
  return {
    ...memory,
    async head(key) {
      const head = await memory.head(key);
      return head === undefined ? undefined : told(head);
    },
    async get(key, { ifMatch, ...options } = {}) {
      const asked = ifMatch === undefined ? options : { ...options, ifMatch: tag(ifMatch) };
      const { head, body } = await memory.get(key, asked);
      return { head: told(head), body };
    },
    delete: (key, { ifMatch = '' } = {}) => memory.delete(key, { ifMatch: tag(ifMatch) }),
  };
}
