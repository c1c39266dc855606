/** Writes the agent's settings for the local deployment and runs it, as a user would on a host. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { SyncError } from '#core/errors.ts';
import { inheritedEnvironment, LOCAL_REGION } from './emulator.ts';
import { type ProcessGroup, startProcessGroup } from './process-group.ts';

export interface LocalAgentOptions {
  projectDir: string;
  localDir: string;
  /** `output/` below it is watched. */
  folder: string;
  endpoint: string;
  bucket: string;
  environment: Record<string, string>;
  /** Receives what the agent prints, as it prints it. */
  onOutput: (chunk: Buffer) => void;
}

/** Starts the agent and resolves once it has said its first line; throws when it ends before. */
export async function startAgent(options: LocalAgentOptions): Promise<ProcessGroup> {
  const { projectDir, localDir, folder, endpoint, bucket, environment, onOutput } = options;
  const output = join(folder, 'output');
  await mkdir(output, { recursive: true });
  // What one index says of its folder and store is not true of others.
  const id = createHash('sha256').update(`${folder}\0${endpoint}`).digest('hex').slice(0, 16);
  const state = join(localDir, 'agents', id);
  await mkdir(state, { recursive: true });
  const config = join(localDir, 'agent.yaml');
  await writeFile(
    config,
    stringify({
      store: { endpoint, region: LOCAL_REGION, bucket, addressing: 'path' },
      stateDirectory: state,
      folders: [{ name: 'output', path: output, prefix: 'output/', mode: 'move' }],
      log: { format: 'readable' },
    }),
  );

  const agent = startProcessGroup(
    process.execPath,
    [join(projectDir, 'edge-agent', 'main.ts'), 'run', '--config', config],
    { cwd: projectDir, output: 'pipe', environment: { ...inheritedEnvironment(), ...environment } },
  );
  const spoke = Promise.withResolvers<'spoke'>();
  agent.child.stdout?.on('data', (chunk: Buffer) => {
    onOutput(chunk);
    spoke.resolve('spoke');
  });
  agent.child.stderr?.on('data', onOutput);
  const first = await Promise.race([spoke.promise, agent.ended]);
  if (first !== 'spoke') {
    throw new SyncError(`the agent ended (${first})`, { op: 'start-agent', retryable: false });
  }
  return agent;
}
