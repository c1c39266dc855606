/** Writes the agent's settings for the local deployment and runs it, as a user would on a host. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { makeDirectory } from '#adapters/host/make-directory.ts';
import { SyncError } from '#core/errors.ts';
import { inheritedEnvironment, LOCAL_REGION } from './emulator.ts';
import { type ProcessGroup, startProcessGroup } from './process-group.ts';

export interface LocalAgentOptions {
  projectDir: string;
  /** Below it the agent keeps its index. */
  stateDir: string;
  /** What is put in `output/` below it goes to the hub, what is put below `input/` in the hub comes to `input/`. */
  folder: string;
  endpoint: string;
  bucket: string;
  /** URL of the queue that tells the agent of new objects. */
  queue: string;
  environment: Record<string, string>;
  /** As in agent.yaml. */
  limits?: Readonly<Record<string, number>>;
  /** Receives each line that the agent prints, as it prints it. */
  onLine: (line: string) => void;
}

/** Starts the agent and resolves once it has said its first line; throws when it ends before. */
export async function startAgent(options: LocalAgentOptions): Promise<ProcessGroup> {
  const { projectDir, stateDir, folder, endpoint, bucket, queue, environment, limits, onLine } = options;
  const [output, input] = [join(folder, 'output'), join(folder, 'input')];
  for (const path of [output, input]) makeDirectory(path);
  // What one index says of its folder and store is not true of others.
  const id = createHash('sha256').update(`${folder}\0${endpoint}`).digest('hex').slice(0, 16);
  const state = join(stateDir, id);
  await mkdir(state, { recursive: true });
  const config = join(state, 'agent.yaml');
  await writeFile(
    config,
    stringify({
      // As in infra/local/sluice.yaml.
      name: 'local',
      store: { endpoint, region: LOCAL_REGION, bucket, addressing: 'path' },
      stateDirectory: state,
      queue,
      folders: [
        { name: 'output', path: output, prefix: 'output/', mode: 'move' },
        { name: 'input', path: input, prefix: 'input/', mode: 'receive' },
      ],
      status: { listen: '127.0.0.1:0' },
      ...(limits === undefined ? {} : { limits }),
      log: { format: 'json' },
    }),
  );

  const agent = startProcessGroup(
    process.execPath,
    [join(projectDir, 'edge-agent', 'main.ts'), 'run', '--config', config],
    {
      cwd: projectDir,
      output: 'pipe',
      environment: { ...inheritedEnvironment(), ...environment },
      endsWithParent: true,
    },
  );
  const spoke = Promise.withResolvers<'spoke'>();
  for (const stream of [agent.child.stdout, agent.child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      onLine(line);
      if (stream === agent.child.stdout) spoke.resolve('spoke');
    });
  }
  const first = await Promise.race([spoke.promise, agent.ended]);
  if (first !== 'spoke') {
    throw new SyncError(`the agent ended (${first})`, { op: 'start-agent', retryable: false });
  }
  return agent;
}
