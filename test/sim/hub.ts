/** The hub: a bucket, with its versions where it keeps them, its past, and an event for every change. */
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectStore, Placement, PutOptions } from '#core/ports.ts';
import { createMemoryStore, type MemoryServer } from '../doubles/store-memory.ts';
import { createPast, type Held, type Past } from './past.ts';
import type { Simulation } from './simulation.ts';
import { eventTexts, type Sequencers, type Topic } from './topic.ts';

export interface HubSettings {
  versioned: boolean;
  sequencers: Sequencers;
  /** ETags are not the MD5 of the bytes, as with a key of KMS. */
  opaqueEtags: boolean;
}

export interface Hub {
  readonly store: ObjectStore;
  readonly server: MemoryServer;
  readonly past: Past;
  readonly opaqueEtags: boolean;
  put(key: ObjectKey, body: string, metadata?: Record<string, string>): Promise<void>;
  copy(from: ObjectKey, to: ObjectKey): Promise<void>;
  /** With versions: a delete marker, also where there is nothing. */
  remove(key: ObjectKey, ifMatch?: string): Promise<'deleted' | 'changed'>;
  /** Removes the newest version, be it an object or a delete marker: the one before shows again. */
  removeVersion(key: ObjectKey): void;
  /** Whether somebody has ever made an older version of it show again. */
  wasUncovered(key: ObjectKey): boolean;
}

export const HUB = 'hub';
type Stored = NonNullable<ReturnType<NonNullable<ReturnType<MemoryServer['get']>>['get']>>;

export function createHub(
  sim: Simulation,
  topic: Topic,
  { versioned, sequencers, opaqueEtags }: HubSettings,
): Hub {
  const server: MemoryServer = new Map();
  const nowMs = () => sim.scheduler.nowMs;
  const store = createMemoryStore({ bucket: HUB, server, nowMs, versioned, newId: sim.newId });
  const objects = server.get(HUB) ?? new Map();
  const past = createPast();
  const textOf = eventTexts(sequencers);
  /** Of each key, oldest first; a text is the version of a delete marker. */
  const versions = new Map<ObjectKey, (Stored | string)[]>();
  const uncovered = new Set<ObjectKey>();
  const encryption: Placement = opaqueEtags ? { encryption: { type: 'aws:kms' } } : {};
  const options: PutOptions = { metadata: {}, ...encryption };

  function stack(key: ObjectKey): (Stored | string)[] {
    const known = versions.get(key) ?? [];
    versions.set(key, known);
    return known;
  }

  function changed(key: ObjectKey, name: string, versionId: string): void {
    const stored = objects.get(key);
    past.note(key, heldOf(stored), nowMs());
    const { etag = '', sizeBytes = 0 } = name.startsWith('ObjectCreated') ? (stored?.head ?? {}) : {};
    sim.trace(() => `hub ${name} ${key} ${versionId}: ${stored?.body.toString('latin1') ?? 'nothing'}`);
    topic.publish(textOf({ key, name, etag, versionId, sizeBytes, atMs: nowMs() }));
  }

  function written(key: ObjectKey, name: string): void {
    const stored = objects.get(key);
    if (versioned && stored !== undefined) stack(key).push(stored);
    changed(key, name, stored?.head.versionId ?? '');
  }

  async function remove(key: ObjectKey, ifMatch?: string): Promise<'deleted' | 'changed'> {
    const stored = objects.get(key);
    if (stored !== undefined && ifMatch !== undefined && stored.head.etag !== ifMatch) return 'changed';
    if (stored === undefined && (!versioned || ifMatch !== undefined)) return 'deleted';
    objects.delete(key);
    const marker = versioned ? sim.newId() : '';
    if (versioned) stack(key).push(marker);
    changed(key, versioned ? 'ObjectRemoved:DeleteMarkerCreated' : 'ObjectRemoved:Delete', marker);
    return 'deleted';
  }

  async function writing<Answer>(
    key: ObjectKey,
    name: string,
    write: () => Promise<Answer>,
  ): Promise<Answer> {
    const answer = await write();
    written(key, name);
    return answer;
  }

  return {
    server,
    past,
    opaqueEtags,
    store: {
      ...store,
      put: (key, body, more) =>
        writing(key, 'ObjectCreated:Put', () => store.put(key, body, { ...more, ...encryption })),
      copy: (key, source, attributes) =>
        writing(key, 'ObjectCreated:Copy', () =>
          store.copy(key, source, attributes === undefined ? undefined : { ...attributes, ...encryption }),
        ),
      createMultipart: (key, attributes) => store.createMultipart(key, { ...attributes, ...encryption }),
      completeMultipart: (key, ...rest) =>
        writing(key, 'ObjectCreated:CompleteMultipartUpload', () => store.completeMultipart(key, ...rest)),
      delete: (key, { ifMatch } = {}) => remove(key, ifMatch),
    },
    async put(key, body, metadata = {}) {
      await store.put(key, Buffer.from(body, 'latin1'), { ...options, metadata });
      written(key, 'ObjectCreated:Put');
    },
    async copy(from, to) {
      const stored = objects.get(from);
      if (stored === undefined) return;
      await store.copy(to, { bucket: HUB, key: from, ifMatch: stored.head.etag });
      written(to, 'ObjectCreated:Copy');
    },
    remove,
    removeVersion(key) {
      const all = stack(key);
      const newest = all.pop();
      if (newest === undefined) return;
      const shown = all.at(-1);
      if (shown === undefined || typeof shown === 'string') objects.delete(key);
      else objects.set(key, shown);
      uncovered.add(key);
      const versionId = typeof newest === 'string' ? newest : (newest.head.versionId ?? '');
      changed(key, 'ObjectRemoved:Delete', versionId);
    },
    wasUncovered: (key) => uncovered.has(key),
  };
}

export function heldOf(stored: Stored | undefined): Held | undefined {
  if (stored === undefined) return undefined;
  const { etag, versionId = '', metadata } = stored.head;
  return { etag, versionId, metadata, body: stored.body.toString('latin1') };
}

/** Names that are wrong as soon as somebody decodes, sorts or cuts them carelessly. */
export const KEYS: readonly ObjectKey[] = ['a', 'b c', 'd+e', 'f%2Bg', 'ü/h', '😀', '\uff5e'].map(objectKey);
