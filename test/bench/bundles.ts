/**
 * How long a function takes to start: its bundle, as the stack makes it, beside an empty handler with the same SDK
 * clients, each in a process of its own. `node test/bench/bundles.ts [RUNS]` prints the table.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Metafile } from 'esbuild';
import { ENV } from '#core/names.ts';
import { bundleFunction, NODE_OPTIONS } from '../../infra/bundle.ts';
import { median, type Run } from './figures.ts';

const PROJECT_DIR = join(import.meta.dirname, '../..');

/** Those with `batch` are also handed a batch of no messages, with which they build their clients. */
export const FUNCTIONS = [
  { name: 'event-replay', batch: true },
  { name: 'mirror', batch: true },
  { name: 'deliver', batch: true },
  { name: 'reconcile', batch: true },
  { name: 'invalidate', batch: true },
  { name: 'ingest', batch: false },
  { name: 'retention-cleanup', batch: false },
  { name: 'state-report', batch: false },
] as const;

export interface Started {
  /** `index.mjs` of the function, and of the empty handler beside it. */
  file: string;
  twin: string;
  /** All files of the bundle, as they are and as they are uploaded. */
  bytes: number;
  gzipBytes: number;
  /** What is read at each start. */
  startBytes: number;
  clients: string[];
}

/** Bundles a function, and an empty handler that builds the SDK's clients which the function has at its start. */
export function bundlePair(name: string, directory: string): Started {
  const outdir = join(directory, name);
  const metafile = bundleFunction(join('functions', `${name}.ts`), outdir);
  const atStart = filesAtStart(metafile);
  const inputs = atStart.flatMap((file) => Object.entries(metafile.outputs[file]?.inputs ?? {}));
  const packages = sdkOf(inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? path : [])));
  // Resolved as the function's own imports are: from the project.
  const source = mkdtempSync(join(PROJECT_DIR, '.sluice-bench-'));
  try {
    writeFileSync(join(source, 'twin.ts'), twinOf(packages));
    bundleFunction(join(relative(PROJECT_DIR, source), 'twin.ts'), `${outdir}-twin`);
  } finally {
    rmSync(source, { recursive: true });
  }
  const contents = readdirSync(outdir).map((file) => readFileSync(join(outdir, file)));
  return {
    file: join(outdir, 'index.mjs'),
    twin: join(`${outdir}-twin`, 'index.mjs'),
    bytes: contents.reduce((sum, { length }) => sum + length, 0),
    gzipBytes: contents.reduce((sum, content) => sum + gzipSync(content).length, 0),
    startBytes: atStart.reduce((sum, file) => sum + (metafile.outputs[file]?.bytes ?? 0), 0),
    clients: [...packages.keys()].filter((one) => one.includes('/client-')),
  };
}

/**
 * One start in a new process: importing the file, and its first batch where it takes one.
 *
 * @param compileCache a directory where V8 keeps what it has compiled; Lambda has none
 */
export function coldStart(
  file: string,
  { batch, compileCache }: { batch: boolean; compileCache?: string },
): Run {
  const cache = compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache };
  const output = execFileSync(
    process.execPath,
    [NODE_OPTIONS, '--input-type=module', '-e', START, file, String(batch)],
    {
      env: { ...process.env, ...ENVIRONMENT, ...cache },
      encoding: 'utf8',
    },
  );
  const { ms, cpuMs, rssMb } = JSON.parse(output.trim().split('\n').at(-1) ?? '');
  return { seconds: ms / 1000, cpuS: cpuMs / 1000, rssMb };
}

/** On stdout, after whatever the function writes there. */
const START = `
import { pathToFileURL } from 'node:url';
const [file, batch] = process.argv.slice(1);
const cpu = process.cpuUsage();
const start = performance.now();
const { handler } = await import(pathToFileURL(file).href);
if (batch === 'true') await handler({ Records: [] }, { awsRequestId: 'bench', getRemainingTimeInMillis: () => 60000 });
const ms = performance.now() - start;
const { user, system } = process.cpuUsage(cpu);
const rssMb = process.memoryUsage.rss() / 2 ** 20;
process.stdout.write('\\n' + JSON.stringify({ ms, cpuMs: (user + system) / 1000, rssMb }) + '\\n');
process.exit(0);
`;

const ENVIRONMENT = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  [ENV.hubBucket]: 'hub',
  [ENV.reportsBucket]: 'reports',
  [ENV.ledgerTable]: 'ledger',
  [ENV.destinationPlaces]: JSON.stringify({ mirror: 'mirror' }),
  [ENV.distribution]: 'E1',
  [ENV.destination]: JSON.stringify({ name: 'mirror', bucket: 'mirror' }),
  [ENV.fileManager]: JSON.stringify({ url: 'https://files.example.com' }),
  [ENV.deliveryQueue]: 'https://sqs.us-east-1.amazonaws.com/1/deliveries.fifo',
  [ENV.ownQueue]: 'https://sqs.us-east-1.amazonaws.com/1/own',
  [ENV.mirrorQueue]: 'https://sqs.us-east-1.amazonaws.com/1/mirror',
};

/** An empty handler: the clients are made, their commands are there, and nothing is done with them. */
function twinOf(packages: ReadonlyMap<string, ReadonlySet<string>>): string {
  const imports = [...packages].map(
    ([name, commands]) => `import { ${[CLIENTS[name], ...commands].join(', ')} } from '${name}';`,
  );
  const clients = [...packages.keys()].map((name) =>
    name === DOCUMENTS ? 'DynamoDBDocumentClient.from(new DynamoDBClient({}))' : `new ${CLIENTS[name]}({})`,
  );
  return `${imports.join('\n')}
export const clients = [${clients.join(', ')}];
export const commands = [${[...packages.values()].flatMap((commands) => [...commands]).join(', ')}];
export const handler = async () => {};
`;
}

const DOCUMENTS = '@aws-sdk/lib-dynamodb';
const CLIENTS: Readonly<Record<string, string>> = {
  '@aws-sdk/client-cloudformation': 'CloudFormationClient',
  '@aws-sdk/client-cloudfront': 'CloudFrontClient',
  '@aws-sdk/client-dynamodb': 'DynamoDBClient',
  '@aws-sdk/client-secrets-manager': 'SecretsManagerClient',
  '@aws-sdk/client-sns': 'SNSClient',
  '@aws-sdk/client-sqs': 'SQSClient',
  [DOCUMENTS]: 'DynamoDBDocumentClient',
};

/** The SDK's packages among those files, each with its commands. */
function sdkOf(files: readonly string[]): Map<string, Set<string>> {
  const packages = new Map<string, Set<string>>();
  for (const file of files) {
    const [, name, rest = ''] = /(@aws-sdk\/(?:client|lib)-[a-z-]+)(\/.*)/.exec(file) ?? [];
    if (name === undefined) continue;
    const commands = packages.get(name) ?? new Set();
    packages.set(name, commands);
    const [, command] = /\/commands\/(\w+Command)\.js$/.exec(rest) ?? [];
    // What the document client wraps comes with it.
    if (command !== undefined && name !== '@aws-sdk/client-dynamodb') commands.add(command);
  }
  return packages;
}

/** `index.mjs` and what it imports, not what it may import later. */
function filesAtStart({ outputs }: Metafile): string[] {
  const found = new Set(Object.keys(outputs).filter((file) => file.endsWith('/index.mjs')));
  for (const file of found) {
    for (const { path, kind } of outputs[file]?.imports ?? []) {
      if (kind === 'import-statement' && outputs[path] !== undefined) found.add(path);
    }
  }
  return [...found];
}

if (import.meta.main) {
  const runs = Number(process.argv[2] ?? 11);
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bundles-'));
  const cells = (row: readonly (string | number)[]) =>
    `${row.map((cell) => String(cell).padStart(12)).join('')}\n`;
  const heads = [
    'KB',
    'KB gzip',
    'KB at start',
    'CPU ms',
    'twin',
    'ratio',
    'cached',
    'ratio',
    'RSS MB',
    'twin',
  ];
  process.stdout.write(`${''.padEnd(18)}${cells(heads)}`);
  for (const { name, batch } of FUNCTIONS) {
    const { file, twin, bytes, gzipBytes, startBytes } = bundlePair(name, directory);
    const compileCache = join(directory, `${name}-cache`);
    mkdirSync(compileCache);
    const contenders = [file, twin].flatMap((one) => [{ one }, { one, compileCache }]);
    const all: Run[][] = contenders.map(() => []);
    for (let run = 0; run < runs; run++) {
      for (const [index, { one, ...options }] of contenders.entries()) {
        all[index]?.push(coldStart(one, { batch, ...options }));
      }
    }
    const ms = (index: number) => median((all[index] ?? []).map(({ cpuS = 0 }) => cpuS * 1000));
    const mb = (index: number) => median((all[index] ?? []).map(({ rssMb = 0 }) => rssMb)).toFixed(0);
    const kb = [bytes, gzipBytes, startBytes].map((size) => Math.round(size / 1000));
    const plain = [ms(0).toFixed(0), ms(2).toFixed(0), (ms(0) / ms(2)).toFixed(2)];
    process.stdout.write(
      `${name.padEnd(18)}${cells([...kb, ...plain, ms(1).toFixed(0), (ms(1) / ms(3)).toFixed(2), mb(0), mb(2)])}`,
    );
  }
  rmSync(directory, { recursive: true });
}
