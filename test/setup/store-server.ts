/** One process of an S3 server, from its start until it answers. */
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { SyncError } from '#core/errors.ts';
import { inheritedEnvironment } from '../../infra/local/emulator.ts';
import { claimPort } from '../../infra/local/port.ts';
import { type ProcessGroup, startProcessGroup } from '../../infra/local/process-group.ts';

export interface StoreServer {
  endpoint: string;
  stop(): Promise<void>;
}

export interface StoreServerOptions {
  /** In messages. */
  title: string;
  program: string;
  /** For an address such as `127.0.0.1:9000`. */
  args(address: string): readonly string[];
  /** Beside what is inherited. */
  environment: Readonly<Record<string, string>>;
  directory: string;
  logFile: string;
  /** Answers with a status that `healthy` takes once the server is ready. */
  healthPath: string;
  healthy(status: number): boolean;
}

const HEALTHY_WITHIN_MS = 60_000;
const PROBE_EVERY_MS = 100;
const STOP_GRACE_MS = 5_000;

/** Throws `SyncError` with the end of its log when it ends or does not answer. */
export async function startStoreServer(options: StoreServerOptions): Promise<StoreServer> {
  const address = `127.0.0.1:${await claimPort(0)}`;
  const group = startProgram(options, address);
  const stop = () => group.stop(STOP_GRACE_MS);
  const endpoint = `http://${address}`;
  try {
    await untilHealthy(options, endpoint, group);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, stop };
}

function startProgram(
  { program, args, environment, directory, logFile }: StoreServerOptions,
  address: string,
): ProcessGroup {
  const log = openSync(logFile, 'w');
  try {
    return startProcessGroup(program, args(address), {
      cwd: directory,
      output: log,
      environment: { ...inheritedEnvironment(), ...environment },
    });
  } finally {
    closeSync(log);
  }
}

async function untilHealthy(
  { title, logFile, healthPath, healthy }: StoreServerOptions,
  endpoint: string,
  server: ProcessGroup,
): Promise<void> {
  let end: number | string | undefined;
  void server.ended.then((how) => {
    end = how;
  });
  const deadline = Date.now() + HEALTHY_WITHIN_MS;
  const url = `${endpoint}${healthPath}`;
  for (let status = await statusOf(url); status === undefined || !healthy(status); ) {
    if (end !== undefined || Date.now() > deadline) {
      throw new SyncError(`${title} ${end === undefined ? 'did not answer' : `ended (${end})`}`, {
        op: 'start-store-server',
        retryable: false,
        hint: (await readFile(logFile, 'utf8')).trim().split('\n').slice(-5).join('\n'),
      });
    }
    await delay(PROBE_EVERY_MS);
    status = await statusOf(url);
  }
}

async function statusOf(url: string): Promise<number | undefined> {
  try {
    return (await fetch(url)).status;
  } catch (error) {
    // What fetch throws while nobody listens.
    if (!(error instanceof TypeError)) throw error;
    return undefined;
  }
}
