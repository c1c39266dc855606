/** One folder with its bucket, its agent and what is known to be true of both. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Agent, startAgent } from './agent.ts';
import type { World } from './campaign.ts';
import type { Bucket } from './hub.ts';
import { createTruth, type Truth } from './truth.ts';

export type Mode = 'move' | 'mirror' | 'receive';

export interface Scene {
  mode: Mode;
  /** All of it lies below. */
  base: string;
  folder: string;
  state: string;
  prefix: string;
  bucket: Bucket;
  truth: Truth;
  start(command: string, options?: StartOptions): Agent;
}

export interface StartOptions {
  wrapper?: readonly string[];
  environment?: Readonly<Record<string, string>>;
}

export interface SceneOptions {
  /** Absent: a bucket of its own. */
  bucket?: Bucket;
  prefix?: string;
  /** Absent: below the world's directory. */
  base?: string;
  folder?: string;
  state?: string;
  /** What the agent takes for the store; absent: the store itself. */
  endpoint?: string;
  folderSettings?: Record<string, unknown>;
  settings?: Record<string, unknown>;
}

/** Deletes are not what is tried here; the guard has its own campaign. */
const OPEN_GUARD = { share: 1, count: 1_000_000, shareFrom: 1_000_000 };

export async function createScene(world: World, mode: Mode, options: SceneOptions = {}): Promise<Scene> {
  const base = options.base ?? mkdtempSync(join(world.directory, `${mode}-`));
  const { folder = join(base, 'folder'), state = join(base, 'state'), prefix = 'data/' } = options;
  for (const directory of [folder, state]) mkdirSync(directory, { recursive: true });
  const program = await world.agent();
  const bucket = options.bucket ?? (await world.hub.newBucket());
  const config = join(mkdtempSync(join(world.directory, 'config-')), 'agent.yaml');
  const settings = {
    store: { bucket: bucket.name, endpoint: options.endpoint ?? world.hub.endpoint },
    stateDirectory: state,
    folders: [
      {
        name: 'torture',
        path: folder,
        prefix,
        mode,
        settle: '200ms',
        ...(mode === 'mirror' ? { guard: OPEN_GUARD } : {}),
        ...(mode === 'receive' ? { interval: '1s' } : {}),
        ...options.folderSettings,
      },
    ],
    heartbeat: 'off',
    limits: { partBytes: 5 * 1024 * 1024, minFreeBytes: 0 },
    ...options.settings,
  };
  writeFileSync(config, stringify(settings));
  return {
    mode,
    base,
    folder,
    state,
    prefix,
    bucket,
    truth: createTruth(),
    start(command, start = {}) {
      const { credentials } = world.hub;
      const agent = startAgent(command, { credentials, program, config, ...start });
      world.cleanup.defer(async () => void (await agent.kill()));
      return agent;
    },
  };
}
