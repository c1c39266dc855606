/**
 * `npm start`: the whole of Sluice on one machine. Emulator -> destinations -> the real `cdk deploy` -> agent on a
 * folder; then each step of each file is one line. What runs here is what runs in the cloud.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SyncError } from '#core/errors.ts';
import { startAgent } from './agent.ts';
import { bootstrap, deploy } from './cdk.ts';
import { clientEnvironment, DEFAULT_PORT, type Emulator, startEmulator } from './emulator.ts';
import { startFileManager } from './file-manager.ts';
import { claimPort } from './port.ts';
import { reloadOnChange } from './reload.ts';
import { claimRunDirectory } from './run-directory.ts';
import {
  createSurroundings,
  LOCAL_INGEST_TOKEN,
  LOCAL_SIGNING_KEY,
  localDistribution,
  localFunctionUrl,
  localSettings,
  tagForRemoval,
} from './surroundings.ts';
import { watchCloud } from './watch-cloud.ts';

const USAGE = `usage: npm start -- [--folder DIR] [--port PORT] [--fresh] [--watch]

  --folder DIR  files dropped in DIR/output are moved to the hub; objects put below input/ in the hub are
                moved to DIR/input (default: ./demo)
  --port PORT   of the emulator (default: ${DEFAULT_PORT}; 0: any free one); each keeps a store of its own
  --fresh       begin with nothing; what an earlier run stored is put aside
  --watch       live reload: a change in the sources is deployed, and the agent starts anew

With AWS_ENDPOINT_URL set, that endpoint is used and no emulator is started.
`;
const AGENT_GRACE_MS = 15_000;
const WRONG_USAGE = 2;
const SOURCES = ['core', 'adapters', 'functions', 'edge-agent'];

const projectDir = resolve(import.meta.dirname, '../..');
const localDir = join(projectDir, '.sluice', 'local');
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());

const print = (line: string) => process.stdout.write(`${line}\n`);
const step = (line: string) => print(`${new Date().toTimeString().slice(0, 8)} ${line}`);

interface Arguments {
  folder: string;
  port: number;
  fresh: boolean;
  watched: boolean;
}

async function main({ folder, port: wantedPort, fresh, watched }: Arguments): Promise<void> {
  const { signal } = stopping;
  await using cleanup = new AsyncDisposableStack();
  // The emulator's queues are named by its port, so what it keeps is only good for that port.
  const port = process.env.AWS_ENDPOINT_URL ? 0 : await claimPort(wantedPort);
  const runDir = join(localDir, process.env.AWS_ENDPOINT_URL ? 'endpoint' : `port-${port}`);
  await mkdir(folder, { recursive: true });
  const release = await claimRunDirectory(runDir, { fresh, onProgress: step });
  const running: { cloud?: Cloud } = {};
  cleanup.defer(async () => {
    await running.cloud?.emulator?.stop();
    // An emulator that had to be killed has saved nothing: the next start must know.
    if (((await running.cloud?.emulator?.ended) ?? 0) === 0) await release();
  });
  const cloud = await reachCloud(runDir, port, signal);
  running.cloud = cloud;
  Object.assign(process.env, cloud.environment);

  const fileManager = await startFileManager({
    signingKey: LOCAL_SIGNING_KEY,
    onCall: (line) => step(`files    ${line}`),
  });
  cleanup.defer(fileManager.stop);
  const settingsFile = join(runDir, 'sluice.yaml');
  const settings = await localSettings(join(projectDir, 'infra/local/sluice.yaml'), settingsFile, {
    endpoint: cloud.endpoint,
    fileManager: fileManager.url,
    distribution: await localDistribution(),
  });
  await createSurroundings(settings);
  step('deploying with cdk');
  const cdk = { projectDir, runDir, settingsFile, environment: cloud.environment, signal };
  await bootstrap(cdk);
  const outputs = await deploy(cdk);
  const {
    HubName = '',
    LedgerName = '',
    ReportsName = '',
    StateReport = '',
    AgentLocalQueueUrl = '',
    IngestUrl = '',
  } = outputs;
  await tagForRemoval([HubName, ReportsName]);

  const watch = await watchCloud({
    ledger: LedgerName,
    reports: ReportsName,
    stateReport: StateReport,
    onLine: step,
    signal,
  });
  const agentOptions = {
    projectDir,
    localDir,
    folder,
    endpoint: cloud.endpoint,
    bucket: HubName,
    queue: AgentLocalQueueUrl,
    environment: cloud.environment,
    onOutput: (chunk: Buffer) => process.stdout.write(chunk),
  };
  const agent = reloadOnChange({
    sources: watched ? SOURCES.map((name) => join(projectDir, name)) : [],
    agent: await startAgent(agentOptions),
    startAgent: () => startAgent(agentOptions),
    stopAgent: (one) => one.stop(AGENT_GRACE_MS),
    deploy: () => deploy(cdk),
    onLine: step,
    signal,
  });
  cleanup.defer(agent.stop);

  print('ready');
  print(`endpoint: ${cloud.endpoint}`);
  print(`hub: ${HubName}`);
  for (const { bucket } of settings.destinations) print(`destination: ${bucket}`);
  print(`reports: ${ReportsName}`);
  print(`file manager: ${fileManager.url}`);
  print(
    `ingest: ${localFunctionUrl(cloud.endpoint, IngestUrl)} (Authorization: Bearer ${LOCAL_INGEST_TOKEN})`,
  );
  print(`folder: ${folder}`);
  print(`Drop files in ${join(folder, 'output')}: they go to output/ in the hub.`);
  print(`Put objects below input/ in the hub: they come to ${join(folder, 'input')}.`);
  print(`  curl -T FILE ${cloud.endpoint}/${HubName}/input/NAME`);
  print('Press r for a state report, q to end.');

  using _keys = onKeys({
    r: () => void watch.report().catch((error: Error) => step(`report   ${error.message}`)),
    q: () => stopping.abort(),
    '\x03': () => stopping.abort(),
  });
  const following = watch.follow();
  const ended = await Promise.race([
    following,
    agent.ended.then((how) => `the agent ended (${how})`),
    ...(cloud.emulator ? [cloud.emulator.ended.then((how) => `the emulator ended (${how})`)] : []),
  ]);
  if (!signal.aborted) throw new SyncError(ended ?? 'stopped', { op: 'start', retryable: false });
  step('stopping');
}

interface Cloud {
  endpoint: string;
  environment: Record<string, string>;
  /** Absent when the endpoint is the user's. */
  emulator?: Emulator;
}

/** The emulator that we start, or the endpoint that the user names. */
async function reachCloud(runDir: string, port: number, signal: AbortSignal): Promise<Cloud> {
  const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
  if (AWS_ENDPOINT_URL) {
    step(`using ${AWS_ENDPOINT_URL}`);
    await fetch(AWS_ENDPOINT_URL, { redirect: 'manual', signal }).catch(unreachable(AWS_ENDPOINT_URL));
    const environment = {
      ...clientEnvironment(AWS_ENDPOINT_URL),
      ...(AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY && { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }),
    };
    return { endpoint: AWS_ENDPOINT_URL, environment };
  }
  step('starting the AWS emulator');
  const options = { projectDir, localDir, runDir, port, persist: true, onProgress: step, signal };
  const emulator = await startEmulator(options);
  return { endpoint: emulator.endpoint, environment: emulator.environment, emulator };
}

function unreachable(endpoint: string): (cause: Error) => never {
  return (cause) => {
    throw new SyncError(`${endpoint} (AWS_ENDPOINT_URL) cannot be reached`, {
      op: 'start',
      retryable: true,
      hint: 'Start what should be there, or unset AWS_ENDPOINT_URL to have an emulator started.',
      cause,
    });
  };
}

/** Single keys on a terminal; the same letters from a pipe. */
function onKeys(actions: Readonly<Record<string, () => void>>): Disposable {
  const { stdin } = process;
  const read = (chunk: Buffer) => {
    for (const letter of chunk.toString()) actions[letter]?.();
  };
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', read);
  return {
    [Symbol.dispose]() {
      stdin.off('data', read);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.destroy();
    },
  };
}

function readArguments(): Arguments | undefined {
  try {
    const { values } = parseArgs({
      options: {
        folder: { type: 'string', default: 'demo' },
        port: { type: 'string', default: String(DEFAULT_PORT) },
        fresh: { type: 'boolean', default: false },
        watch: { type: 'boolean', default: false },
      },
    });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new TypeError(`--port ${values.port}`);
    return { folder: resolve(values.folder), port, fresh: values.fresh, watched: values.watch };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`${error.message}\n${USAGE}`);
    return undefined;
  }
}

const args = readArguments();
if (args === undefined) {
  process.exitCode = WRONG_USAGE;
} else {
  try {
    await main(args);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!stopping.signal.aborted) {
      process.stderr.write(
        `start: ${error.message}\n${error instanceof SyncError ? (error.hint ?? '') : ''}\n`,
      );
      process.exitCode = 1;
    }
  }
}
