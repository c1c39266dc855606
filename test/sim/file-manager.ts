/** The file manager, with what must hold of every call that it takes. */
import { createHash } from 'node:crypto';
import { isCertain } from '#core/delivery-plan.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { FileManager, Ledger } from '#core/ports.ts';
import { createMemoryFileManager, type MemoryFileManager } from '../doubles/file-manager-memory.ts';
import type { Hub } from './hub.ts';
import { failure, remote, request } from './port-calls.ts';
import type { Instance, Simulation } from './simulation.ts';

export interface SimFileManager {
  readonly memory: MemoryFileManager;
  /** What it keeps under the key. */
  contentOf(key: string): string | undefined;
  /** As one instance calls it. */
  seenBy(instance: Instance): FileManager;
}

/** @param rows what is in the table now */
export function createFileManager(sim: Simulation, hub: Hub, rows: Pick<Ledger, 'get'>): SimFileManager {
  const memory = createMemoryFileManager();
  /** What was begun, as the ledger notes it -> the key of its call. */
  const begun = new Map<string, string>();
  const bodies = new Map<string, string>();

  function refused(method: string, key: string): void {
    if (!sim.faults.hits('refused')) return;
    if (sim.acting !== undefined) sim.acting.errors++;
    throw failure({ port: 'file-manager', method, about: key }, 'HTTP 400', false);
  }

  /** A note of one intent at one time stands for one call of each kind, however often it is tried. */
  async function judgeRetry(op: string, key: ObjectKey, id: string): Promise<void> {
    const record = (await rows.get(key))?.delivery;
    const { permissions = '', atMs = 0 } = record ?? {};
    // A record that is certain, or nobody's, begins nothing.
    if (permissions === '' || isCertain(record)) return;
    const intent = `${op} ${key} ${permissions} ${atMs}`;
    const known = begun.get(intent) ?? id;
    begun.set(intent, known);
    if (known !== id) sim.violate('I5', `a retry of ${op} ${key} has another idempotency key`);
  }

  const watched: FileManager = {
    async updatePermissions(call, id) {
      await judgeRetry('updatePermissions', call.key, id);
      refused('updatePermissions', call.key);
      await safely(() => memory.updatePermissions(call, id));
    },
    async saveToDisk(head, body, id) {
      await judgeRetry('saveToDisk', head.key, id);
      refused('saveToDisk', head.key);
      const bytes = Buffer.concat(await Array.fromAsync(body)).toString('latin1');
      bodies.set(md5(bytes), bytes);
      const known = hub.past.of(head.key).some(({ held }) => held?.etag === head.etag && held.body === bytes);
      if (!known) sim.violate('I2', `the file manager was given what ${head.key} never was: ${bytes}`);
      await safely(() => memory.saveToDisk(head, chunksOf([Buffer.from(bytes, 'latin1')]), id));
    },
    async delete(key, id) {
      await judgeRetry('delete', key, id);
      refused('delete', key);
      const isNew = !memory.told.has(id);
      const sinceMs = sim.acting?.startedMs ?? 0;
      if (isNew && memory.files.has(key) && !hub.past.since(key, sinceMs, (held) => held === undefined))
        sim.violate('I1', `the file manager was told to delete ${key}, and the hub had it all the while`);
      await safely(() => memory.delete(key, id));
    },
    async rename(from, to, id) {
      await judgeRetry('rename', from, id);
      await safely(() => memory.rename(from, to, id));
    },
  };

  /** What the double finds wrong is wrong; a `SyncError` is an answer of the service. */
  async function safely(call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof SyncError)) sim.violate('bug', String(error));
      throw error;
    }
  }

  return {
    memory,
    contentOf: (key) => bodies.get(memory.files.get(key)?.md5 ?? ''),
    seenBy(instance) {
      const port = remote(sim, instance, 'file-manager', watched);
      return {
        ...port,
        /** The body is read while it is sent: from the hub, by requests of its own. */
        async saveToDisk(head, body, id) {
          const chunks = await Array.fromAsync(body);
          const call = { port: 'file-manager', method: 'saveToDisk', about: head.key };
          return request(sim, instance, call, () => watched.saveToDisk(head, chunksOf(chunks), id));
        },
      };
    },
  };
}

function md5(text: string): string {
  return createHash('md5').update(text, 'latin1').digest('hex');
}

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
