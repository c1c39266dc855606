/** What notices files by itself: the agent, and `mc mirror --watch`. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startProcessGroup } from '../../infra/local/process-group.ts';
import { startAgent, synced } from './agent.ts';
import type { Bench } from './bench.ts';
import { mcWatch } from './contenders/mc.ts';
import { OURS } from './runner.ts';
import type { Server, Target } from './servers.ts';
import { type Usage, usageOf } from './usage.ts';

export interface Watcher {
  name: string;
  /** Resolves when the process runs; it may not watch yet. */
  start(directory: string, to: Target): Promise<Watching>;
}

interface Watching {
  usage(): Usage;
  /** How many are missing when none has come for some time: 0 when all are there. */
  untilStored(server: Server, to: Target, files: number): Promise<number>;
  stop(): Promise<void>;
}

export const WATCHED_PREFIX = 'output/';

const LOOK_EVERY_MS = 50;
const NOTHING_CAME_MS = 20_000;
const STOP_GRACE_MS = 5_000;

export async function watchersOf(bench: Bench): Promise<Watcher[]> {
  const mc = await bench.programs.mc();
  return [
    {
      name: OURS,
      async start(path, target) {
        const folder = { path, prefix: WATCHED_PREFIX, mode: 'mirror' as const };
        const agent = await startAgent(bench, { target, folder });
        return {
          usage: agent.usage,
          stop: agent.stop,
          // The object is there before the index says so.
          async untilStored(server, to, files) {
            const lost = await untilStored(server, to, files);
            if (lost > 0) throw new Error(`${lost} of ${files} files are lost`);
            await agent.until(synced(files));
            return 0;
          },
        };
      },
    },
    {
      name: 'mc mirror --watch',
      async start(directory, to) {
        const { program, args, environment } = mcWatch(mc, directory, to, WATCHED_PREFIX);
        const cwd = bench.newDirectory('mc');
        const output = openSync(join(cwd, 'output'), 'w');
        const group = startProcessGroup(program, args, {
          cwd,
          environment: { PATH: process.env.PATH, HOME: cwd, ...environment },
          output,
          endsWithParent: true,
        });
        closeSync(output);
        const forget = bench.atEnd(() => group.stop(0));
        return {
          usage: () => usageOf(group.child.pid ?? 0),
          untilStored,
          async stop() {
            await group.stop(STOP_GRACE_MS);
            forget();
          },
        };
      },
    },
  ];
}

async function untilStored(server: Server, to: Target, files: number): Promise<number> {
  let seen = 0;
  let movedMs = performance.now();
  for (;;) {
    const { objects } = await server.stored(to);
    if (objects >= files) return 0;
    if (objects !== seen) movedMs = performance.now();
    seen = objects;
    if (performance.now() - movedMs > NOTHING_CAME_MS) return files - objects;
    await delay(LOOK_EVERY_MS);
  }
}
