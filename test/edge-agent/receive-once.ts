/** One pass of a `receive` folder as a process of its own, small enough to be killed many times. */
import { join } from 'node:path';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { openIndex } from '#adapters/host/index-db.ts';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import { createLeases } from '../../edge-agent/leases.ts';
import { createLog } from '../../edge-agent/log.ts';
import { hostStart } from '../../edge-agent/older-file.ts';
import { createReceiveRunner } from '../../edge-agent/receive-runner.ts';
import { storeSettings } from './store-settings.ts';

const [endpoint = '', bucket = '', base = '', accessKeyId = '', secretAccessKey = ''] = process.argv.slice(2);
const settings = storeSettings({
  store: { bucket, endpoint },
  stateDirectory: base,
  exclusive: false,
  folders: [{ name: 'inbox', path: join(base, 'output'), prefix: 'input/', mode: 'receive' }],
  limits: { minFreeBytes: 0, concurrency: 3 },
});
const [folder] = settings.folders;
if (folder === undefined) throw new Error('no folder');
const index = openIndex(join(base, 'index.db'));
const leases = createLeases();
const store = createS3Store({
  bucket,
  endpoint,
  region: 'us-east-1',
  addressing: 'path',
  credentials: fixedCredentials({ accessKeyId, secretAccessKey }),
});
const runner = createReceiveRunner({
  agent: 'test',
  settings,
  folder,
  store,
  index,
  leases,
  log: createLog({ level: 'DEBUG', format: 'readable' }),
  metrics: { done: () => undefined, lag: () => undefined },
  hostStart: hostStart(index, 0),
  parts: createByteBudget(1),
  capabilities: () => undefined,
  onCompared: () => undefined,
  onChanged: () => undefined,
});
const left = await runner.once();
await runner.stop();
leases.close();
index.close();
await store.close();
process.exitCode = left === 0 ? 0 : 1;
