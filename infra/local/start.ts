/**
 * `npm start`: the whole of Sluice on one machine. Emulator -> destinations -> the real `cdk deploy` -> agent on a
 * folder; then each step of each file is one line. What runs here is what runs in the cloud.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_PORT } from './emulator.ts';
import { INTERRUPT, onKeys } from './keys.ts';
import { openLivePage } from './live/live-page.ts';
import { claimPort } from './port.ts';
import { localDir, portOf, projectDir, runProgram } from './program.ts';
import { LOCAL_INGEST_TOKEN, localFunctionUrl } from './surroundings.ts';
import { startSystem } from './system.ts';

const USAGE = `usage: npm start -- [--folder DIR] [--port PORT] [--fresh] [--watch]

  --folder DIR  files dropped in DIR/output are moved to the hub; objects put below input/ in the hub are
                moved to DIR/input (default: ./demo)
  --port PORT   of the emulator (default: ${DEFAULT_PORT}; 0: any free one); each keeps a store of its own
  --fresh       begin with nothing; what an earlier run stored is put aside
  --watch       live reload: a change in the sources is deployed, and the agent starts anew

With AWS_ENDPOINT_URL set, that endpoint is used and no emulator is started.
`;
const SOURCES = ['core', 'adapters', 'functions', 'edge-agent'];

const print = (line: string) => process.stdout.write(`${line}\n`);
const step = (line: string) => print(`${new Date().toTimeString().slice(0, 8)} ${line}`);

interface Arguments {
  folder: string;
  port: number;
  fresh: boolean;
  watched: boolean;
}

async function run(
  { folder, port: wantedPort, fresh, watched }: Arguments,
  stopping: AbortController,
): Promise<number> {
  const ending = new AbortController();
  const signal = AbortSignal.any([stopping.signal, ending.signal]);
  await using cleanup = new AsyncDisposableStack();
  // The emulator's queues are named by its port, so what it keeps is only good for that port.
  const port = process.env.AWS_ENDPOINT_URL ? 0 : await claimPort(wantedPort);
  const system = await startSystem(
    {
      ...{ projectDir, localDir, folder, port, fresh, signal },
      runDir: join(localDir, process.env.AWS_ENDPOINT_URL ? 'endpoint' : `port-${port}`),
      sources: watched ? SOURCES.map((name) => join(projectDir, name)) : [],
      onStep: step,
      onAgentText: step,
    },
    cleanup,
  );
  const page = await openLivePage(system, signal, step);
  cleanup.defer(page.stop);
  cleanup.defer(async () => ending.abort());
  const { endpoint, hub, settings, reports, fileManager, outputs, watch } = system;

  print('ready');
  print(`page: ${page.url}`);
  print(`endpoint: ${endpoint}`);
  print(`hub: ${hub}`);
  for (const { bucket } of settings.destinations) print(`destination: ${bucket}`);
  print(`reports: ${reports}`);
  print(`file manager: ${fileManager.url}`);
  print(
    `ingest: ${localFunctionUrl(endpoint, outputs.IngestUrl ?? '')} (Authorization: Bearer ${LOCAL_INGEST_TOKEN})`,
  );
  print(`folder: ${folder}`);
  print(`Drop files in ${join(folder, 'output')}: they go to output/ in the hub.`);
  print(`Put objects below input/ in the hub: they come to ${join(folder, 'input')}.`);
  print(`  curl -T FILE ${endpoint}/${hub}/input/NAME`);
  print('Press r for a state report, q to end.');

  const actions: Readonly<Record<string, () => void>> = {
    r: () => void watch.report().catch((error: Error) => step(`report   ${error.message}`)),
    q: () => stopping.abort(),
    [INTERRUPT]: () => stopping.abort(),
  };
  using _keys = onKeys((key) => actions[key]?.());
  await Promise.race([system.follow(), page.follow()]);
  step('stopping');
  return 0;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      folder: { type: 'string', default: 'demo' },
      port: { type: 'string', default: String(DEFAULT_PORT) },
      fresh: { type: 'boolean', default: false },
      watch: { type: 'boolean', default: false },
    },
  });
  const { folder, port, fresh, watch: watched } = values;
  return { folder: resolve(folder), port: portOf(port), fresh, watched };
}

await runProgram({ name: 'start', usage: USAGE, readArguments, run, stoppedCode: 0 });
