/**
 * One agent per prefix: an object in the bucket names the agent that has it, so that two hosts with the same settings
 * do not overwrite and delete each other's files. It is written once and never removed: an agent that is down still
 * has its prefix.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isSystemError } from '#adapters/host/libc.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { RESERVED } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { FolderSettings } from '#core/settings/agent.ts';

export interface Ownership {
  /**
   * Resolves when this agent is known to have the prefix. Throws `SyncError`: `Owned`, with who has it, or what the
   * store says; the next call asks again.
   */
  require(): Promise<void>;
  /** Who has the prefix, when the last answer was that another agent has it. */
  readonly fault: string | undefined;
}

/** https://www.freedesktop.org/software/systemd/man/latest/machine-id.html: to be hashed, never published. */
const MACHINE_ID_FILES = ['/etc/machine-id', '/var/lib/dbus/machine-id'];

export function createOwnership(
  store: ObjectStore,
  agent: string,
  folder: FolderSettings,
  machine: string = thisMachine(),
): Ownership {
  // One agent may upload below a prefix from which another one receives.
  const use = folder.mode === 'receive' ? `receive ${folder.prefix}` : folder.prefix;
  const key = objectKey(`${RESERVED.owners}${digest(use)}.json`);
  const own = { agent, machine, host: hostname(), folder: folder.path, prefix: folder.prefix };
  let asked: Promise<void> | undefined;
  let fault: string | undefined;

  async function acquire(): Promise<void> {
    const holder = (await holderOf(store, key)) ?? (await write());
    if (holder.machine === own.machine && holder.folder === own.folder) return;
    throw new SyncError(
      `folder ${folder.name}: the prefix "${folder.prefix}" belongs to agent ${holder.agent} on ${holder.host} (${holder.folder})`,
      {
        op: 'own',
        key,
        retryable: true,
        code: 'Owned',
        hint: `Give this folder another prefix; or, if that agent is gone for good, delete the object ${key}; or set exclusive: false.`,
      },
    );
  }

  async function write() {
    const body = new TextEncoder().encode(`${JSON.stringify(own)}\n`);
    try {
      await store.put(key, body, { metadata: {}, contentType: 'application/json', ifAbsent: true });
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'PreconditionFailed') throw error;
    }
    // Read back: where the store ignores the condition, the last writer has it, and both must know.
    return (await holderOf(store, key)) ?? own;
  }

  return {
    require() {
      asked ??= acquire().then(
        () => {
          fault = undefined;
        },
        (error: unknown) => {
          asked = undefined;
          fault = error instanceof SyncError && error.code === 'Owned' ? error.message : undefined;
          throw error;
        },
      );
      return asked;
    },
    get fault() {
      return fault;
    },
  };
}

async function holderOf(store: ObjectStore, key: ReturnType<typeof objectKey>) {
  if ((await store.head(key)) === undefined) return undefined;
  const { body } = await store.get(key);
  const text = String(Buffer.concat(await Array.fromAsync(body)));
  try {
    const { agent = '?', machine = '', host = '?', folder = '' } = JSON.parse(text);
    return { agent: String(agent), machine: String(machine), host: String(host), folder: String(folder) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { agent: '?', machine: '', host: '?', folder: `unreadable ${key}` };
  }
}

function thisMachine(): string {
  for (const file of MACHINE_ID_FILES) {
    try {
      const id = readFileSync(file, 'utf8').trim();
      if (id !== '') return digest(`sluice:${id}`);
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
    }
  }
  return digest(`sluice:${hostname()}`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
