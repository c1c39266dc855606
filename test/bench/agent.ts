/** Ours: the agent's own process, with everything on that it has on by default. */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { askStatus } from '../../edge-agent/status-client.ts';
import type { FolderReport } from '../../edge-agent/status-report.ts';
import { startProcessGroup } from '../../infra/local/process-group.ts';
import type { Bench } from './bench.ts';
import type { Target } from './servers.ts';
import type { Command } from './timed.ts';
import { type Usage, usageOf } from './usage.ts';

export const AGENT_MAIN = join(import.meta.dirname, '../../edge-agent/main.ts');
const ASK_EVERY_MS = 20;
const STOP_GRACE_MS = 20_000;
/** So long without progress, and it counts as stuck. */
const STUCK_MS = 60_000;

export interface AgentOptions {
  target: Target;
  /** The only folder: path, mode, and what else is not the default. */
  folder: { path: string; mode: 'mirror' | 'receive'; prefix: string } & Record<string, unknown>;
  /** Other settings. */
  settings?: Record<string, unknown>;
  /** Absent: a new one, as on the first start. */
  stateDirectory?: string;
}

export interface RunningAgent {
  startedMs: number;
  /** When it first answered on its socket. */
  readyMs: number;
  /** Resolves once the report satisfies the condition. Throws when the agent ends, or is stuck. */
  until(condition: (folder: FolderReport) => boolean): Promise<void>;
  usage(): Usage;
  /** All that it has written so far. */
  log(): string;
  stop(): Promise<void>;
}

/** One pass, as a command that ends by itself. */
export function agentOnce(bench: Bench, settings: Record<string, unknown>, credentials: Target): Command {
  const config = join(bench.newDirectory('agent'), 'agent.yaml');
  const quiet = { stateDirectory: bench.newDirectory('state'), log: { level: 'WARN' } };
  writeFileSync(config, stringify({ ...quiet, ...settings }));
  return commandOf(bench, 'once', config, credentials);
}

/** `sluice-agent run`; resolves when it answers. Peers are told to be quiet, so it writes no line for each file either. */
export async function startAgent(bench: Bench, options: AgentOptions): Promise<RunningAgent> {
  const stateDirectory = options.stateDirectory ?? bench.newDirectory('state');
  const config = writeSettings(bench, { ...options, stateDirectory });
  const { program, args, environment } = commandOf(bench, 'run', config, options.target);
  const logFile = `${config}.log`;
  const log = openSync(logFile, 'w');
  const group = startProcessGroup(program, args, {
    cwd: stateDirectory,
    environment,
    output: log,
    endsWithParent: true,
  });
  const startedMs = performance.now();
  closeSync(log);
  const forget = bench.atEnd(() => group.stop(0));
  let end: number | string | undefined;
  void group.ended.then((how) => {
    end = how;
  });

  async function report() {
    const answer = await askStatus(join(stateDirectory, 'status.sock'));
    if (end === undefined) return answer?.folders[0];
    throw new Error(`the agent ended (${end}): ${readFileSync(logFile, 'utf8').trim().slice(-400)}`);
  }

  async function until(condition: (folder: FolderReport) => boolean): Promise<void> {
    let seen = '';
    let movedMs = performance.now();
    for (;;) {
      const folder = await report();
      if (folder !== undefined && condition(folder)) return;
      const now = JSON.stringify([folder?.synced, folder?.queued, folder?.done, folder?.lastScan]);
      if (now !== seen) movedMs = performance.now();
      seen = now;
      if (performance.now() - movedMs > STUCK_MS) {
        throw new Error(`the agent is stuck at ${now}: ${readFileSync(logFile, 'utf8').trim().slice(-400)}`);
      }
      await delay(ASK_EVERY_MS);
    }
  }

  await until(() => true);
  return {
    startedMs,
    readyMs: performance.now(),
    until,
    usage: () => usageOf(group.child.pid ?? 0),
    log: () => readFileSync(logFile, 'utf8'),
    async stop() {
      await group.stop(STOP_GRACE_MS);
      forget();
    },
  };
}

/** Everything is in the store and in the index. */
export function synced(files: number): (folder: FolderReport) => boolean {
  return (folder) => folder.synced === files && folder.queued === 0 && folder.lastScan !== undefined;
}

function writeSettings(bench: Bench, { target, folder, settings, stateDirectory }: AgentOptions): string {
  const config = join(bench.newDirectory('agent'), 'agent.yaml');
  const { endpoint, bucket } = target;
  const all = {
    store: { bucket, endpoint },
    stateDirectory: stateDirectory ?? bench.newDirectory('state'),
    folders: [{ name: 'output', ...folder }],
    log: { level: 'WARN' },
    ...settings,
  };
  writeFileSync(config, stringify(all));
  return config;
}

function commandOf(
  { agent: [program = '', ...before] }: Bench,
  command: string,
  config: string,
  { accessKeyId, secretAccessKey }: Target,
): Command {
  return {
    program,
    args: [...before, command, '--config', config],
    environment: {
      PATH: process.env.PATH ?? '',
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      NO_COLOR: '1',
    },
  };
}
