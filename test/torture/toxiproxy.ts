/** Toxiproxy between agent and store: slow, sliced, short of bandwidth, cut after so many bytes, or silent. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { claimPort } from '../../infra/local/port.ts';
import type { World } from './campaign.ts';

export interface Toxiproxy {
  /** Of the store through the proxy. */
  endpoint: string;
  /** https://github.com/Shopify/toxiproxy#toxics */
  add(type: string, attributes: Record<string, number>): Promise<void>;
  heal(): Promise<void>;
}

const VERSION = 'v2.12.0';
const MODULE = `github.com/Shopify/toxiproxy/v2/cmd/server@${VERSION}`;
const TOOLS = join(import.meta.dirname, '../../.sluice', `toxiproxy-${VERSION}`);
const ANSWERS_WITHIN_MS = 20_000;
const PROBE_EVERY_MS = 50;
const NAME = 'store';

export async function startToxiproxy(world: World): Promise<Toxiproxy> {
  const program = await toxiproxyProgram();
  const [apiPort, port] = [await claimPort(0), await claimPort(0)];
  const child = spawn(program, ['-host', '127.0.0.1', '-port', String(apiPort)], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  world.cleanup.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const api = `http://127.0.0.1:${apiPort}`;
  await untilAnswers(`${api}/version`);
  const upstream = new URL(world.hub.endpoint).host;
  await post(`${api}/proxies`, { name: NAME, listen: `127.0.0.1:${port}`, upstream, enabled: true });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async add(type, attributes) {
      for (const stream of ['upstream', 'downstream']) {
        await post(`${api}/proxies/${NAME}/toxics`, { type, stream, toxicity: 1, attributes });
      }
    },
    heal: () => post(`${api}/reset`, {}),
  };
}

/** Built through Go, once, into the project's ignored folder. */
async function toxiproxyProgram(): Promise<string> {
  const program = join(TOOLS, 'server');
  if (existsSync(program)) return program;
  mkdirSync(TOOLS, { recursive: true });
  await promisify(execFile)('go', ['install', MODULE], {
    env: { ...process.env, GOBIN: TOOLS, CGO_ENABLED: '0' },
  });
  return program;
}

async function post(url: string, body: object): Promise<void> {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`toxiproxy: ${answer.status}: ${await answer.text()}`);
}

async function untilAnswers(url: string): Promise<void> {
  for (const startedMs = performance.now(); ; ) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      // What fetch throws while nobody listens.
      if (!(error instanceof TypeError) || performance.now() - startedMs > ANSWERS_WITHIN_MS) throw error;
    }
    await delay(PROBE_EVERY_MS);
  }
}
