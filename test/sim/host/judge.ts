/**
 * What must hold of every change that an agent makes, at the moment of the change: to the names of its folder, and to the
 * objects of the hub.
 */
import { hash } from 'node:crypto';
import type { ObjectKey } from '#core/key.ts';
import { isReserved, RESERVED } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import { createPast, type Held, type Past } from '../past.ts';
import type { Actor, Inode } from './disk.ts';
import type { SimHost } from './host.ts';
import { filesBelow, pathBelow, walk } from './paths.ts';
import { watchings } from './watcher.ts';

export interface Judge {
  /** The hub as the agent has it. */
  readonly store: ObjectStore;
  /** What users have had under each path, partial files too. */
  readonly past: Past;
  /** What a file had when its last writer closed it. */
  readonly closed: ReadonlySet<string>;
  /** The last closed content that the agent has moved away, by path; `at`: which of the path's moments it was. */
  readonly moved: ReadonlyMap<string, { body: string; at: number }>;
  writerClosed(inode: Inode): void;
  /** What is there now is what there is, whoever was writing it. */
  powerCame(): void;
  /** False when the hub says that another agent has the prefix. */
  isOwner(): boolean;
}

export function createJudge({
  sim,
  hub,
  setup,
  disk,
  volume,
  knowsItsStart,
}: Pick<SimHost, 'sim' | 'hub' | 'setup' | 'disk' | 'volume'> & { knowsItsStart(): boolean }): Judge {
  const past = createPast();
  const closed = new Set<string>(['']);
  const moved = new Map<string, { body: string; at: number }>();
  /** Where what is in the hidden directory was, by its path there. */
  const graves = new Map<string, string>();
  const losing: { inode: Inode; path: string }[] = [];
  const directories = new Set<Inode>();
  let directoryMoved = false;
  const lastPath = new Map<Inode, string>();
  const lastBody = new Map<Inode, string>();
  const nowMs = () => sim.scheduler.nowMs;
  const use = setup.mode === 'receive' ? `receive ${setup.prefix}` : setup.prefix;
  const ownerKey = `${RESERVED.owners}${hash('sha256', use).slice(0, 32)}.json`;
  let seen = new Map<string, { inode: Inode; body: string }>();

  /** Compares what is there with what was there. */
  function look(by: Actor): void {
    for (const one of losing.splice(0)) judgeLoss(one);
    const now = new Map<string, { inode: Inode; body: string }>();
    for (const { path, inode } of filesBelow(volume)) {
      const body = inode.data.toString('latin1');
      now.set(path, { inode, body });
      lastPath.set(inode, path);
      const before = seen.get(path);
      if (before?.inode === inode && before.body === body) continue;
      past.note(path, heldBy(body), nowMs());
      if (by === 'agent' && lastBody.get(inode) !== body) judgeArrival(path, inode, body);
      lastBody.set(inode, body);
    }
    for (const [path] of seen) if (!now.has(path)) past.note(path, undefined, nowMs());
    seen = now;
  }

  /** I2: what an agent gives a name to is whole, and came from the hub. */
  function judgeArrival(path: string, inode: Inode, body: string): void {
    // What a power cut has brought back was judged when it came, under the name that it had then.
    if (inode.by === 'user' || inode.tornFrom !== undefined) return;
    const key = keyOf(path);
    const keys = [key, ...[...hub.past.keys()].filter((other) => mayBe(other, path))];
    const whole = keys.some((one) => hub.past.of(one).some(({ held }) => held?.body === body));
    if (setup.mode !== 'receive') sim.violate('I2', `${setup.name} wrote the file ${path}: ${body}`);
    else if (!whole) sim.violate('I2', `${path} on ${setup.name} is what the hub never was: ${body}`);
  }

  /** Of a change of names: what has another name at its end is not lost. */
  function named(directory: Inode, name: string, inode: Inode | undefined, before: Inode | undefined): void {
    const place = pathBelow(volume, directory, name) ?? '';
    const isHidden = place.startsWith('.sluice/');
    const found = losing.findIndex((one) => one.inode === inode);
    const [kept] = found === -1 ? [] : losing.splice(found, 1);
    if (kept !== undefined && isHidden) graves.set(place, kept.path);
    if (before === undefined) return;
    losing.push({ inode: before, path: isHidden ? (graves.get(place) ?? '') : place });
  }

  /** I1: a file that an agent takes away is in the hub, as it was when its writer closed it. */
  function judgeLoss({ path, inode }: { path: string; inode: Inode }): void {
    // What the agent has made itself is received, or in work.
    if (inode.by === 'agent' || inode.kind !== 'file') return;
    const body = inode.data.toString('latin1');
    const may = setup.mode === 'move' || (setup.retentionMs !== undefined && setup.mode !== 'receive');
    const isStored = hub.past.of(keyOf(path)).some(({ held }) => held?.body === body);
    if (!may) wrong('I1', `removed ${path}, which is its users': ${body}`);
    else if (inode.writers > 0 && setup.leases)
      wrong('I1', `removed ${path}, which somebody had open for writing`);
    else if (!isStored) wrong('I1', `removed ${path}, which the hub never had: ${body}`);
    moved.set(path, { body, at: past.of(path).findLastIndex(({ held }) => held?.body === body) });
  }

  function wrong(invariant: 'I1' | 'I2', text: string): void {
    sim.violate(invariant, `${setup.name} ${text}`);
  }

  async function watched<Answer>(key: ObjectKey, change: () => Promise<Answer>): Promise<Answer> {
    const before = hub.past.of(key).at(-1);
    const answer = await change();
    const after = hub.past.of(key).at(-1);
    if (after === before || isReserved(key)) return answer;
    if (!isOwner()) sim.violate('I1', `${setup.name} changed ${key}, which is another agent's`);
    if (after?.held !== undefined) judgeWrite(key, before?.held, after.held);
    else if (before?.held !== undefined) judgeDelete(key, before.held, before.fromMs);
    return answer;
  }

  function judgeWrite(key: ObjectKey, before: Held | undefined, { body }: Held): void {
    const isTorn = setup.leases && !closed.has(body);
    const torn = isTornFrom(key, before?.body, body);
    if (torn) wrong('I1', `overwrote ${key} with what a power cut has left of it: ${body}`);
    else if (setup.mode === 'receive') wrong('I1', `receives, and wrote ${key}`);
    else if (isTorn) wrong('I2', `wrote ${key} with what no writer ever closed: ${body}`);
    else if (before !== undefined && before.body !== body) judgeOverwrite(key, before.body, body);
  }

  /** Of an index that knows when the host started, and of a clock that goes on: what a file is told from otherwise. */
  function isTornFrom(key: ObjectKey, before: string | undefined, body: string): boolean {
    const inode = find(pathOf(key))?.inode;
    const isTorn = inode?.tornFrom !== undefined && inode.data.toString('latin1') === body;
    return isTorn && before === inode.tornFrom && before !== body && knowsItsStart();
  }

  function judgeOverwrite(key: ObjectKey, before: string, body: string): void {
    const wasOther = past.of(pathOf(key)).some(({ held }) => held?.body !== before);
    if (setup.mode === 'append') wrong('I1', `overwrote ${key}: ${before}`);
    else if (!wasOther && closed.has(before))
      wrong('I1', `overwrote ${key} with ${body}; its file is ${before}`);
  }

  function judgeDelete(key: ObjectKey, { body }: Held, sinceMs: number): void {
    const path = pathOf(key);
    if (setup.mode === 'receive') {
      if (!isReceived(path, body))
        wrong('I1', `deleted ${key} in the hub, and has it not on its disk: ${body}`);
    } else if (setup.mode !== 'mirror') wrong('I1', `deleted ${key}, and its mode never does`);
    else if (!past.since(path, sinceMs, (held) => held === undefined))
      wrong('I1', `deleted ${key}, and its file was there all the while`);
  }

  /** Safe from a power cut; or a reader has taken it since. */
  function isReceived(path: string, body: string): boolean {
    const place = find(path);
    if (place?.inode?.data.toString('latin1') === body)
      return place.directory !== undefined && disk.isSafe(place.directory, place.name);
    const paths = [path, ...[...past.keys()].filter((other) => mayBe(other, path))];
    return paths.some((one) => past.of(one).some(({ held }) => held?.body === body));
  }

  /** Users may move a directory between its opening by the agent and the arrival of the file: it goes along. */
  function mayBe(place: string, path: string): boolean {
    return directoryMoved && lastNameOf(place) === lastNameOf(path);
  }

  function find(path: string) {
    try {
      return walk(volume, path, 'find');
    } catch (error) {
      if (!(error instanceof Error) || !('syscall' in error)) throw error;
      return undefined;
    }
  }

  function isOwner(): boolean {
    const owner = hub.past.now(ownerKey)?.body;
    return owner === undefined || JSON.parse(owner).agent === setup.name;
  }

  const keyOf = (path: string) => setup.prefix + Buffer.from(path, 'latin1').toString('utf8');
  const pathOf = (key: string) => Buffer.from(key.slice(setup.prefix.length)).toString('latin1');

  disk.events = {
    changed: look,
    named(directory, name, inode, before, by) {
      if (by === 'agent') named(directory, name, inode, before);
      if (inode?.kind === 'directory') {
        directoryMoved ||= directories.has(inode);
        directories.add(inode);
      }
      for (const one of watchings.get(disk) ?? []) one.told(directory, name, inode);
    },
  };
  const { store } = hub;
  return {
    past,
    closed,
    moved,
    isOwner,
    writerClosed(inode) {
      const body = inode.data.toString('latin1');
      closed.add(body);
      sim.trace(() => `${setup.name} closed ${lastPath.get(inode)}: ${body}`);
      for (const { path, inode: file } of filesBelow(volume)) {
        if (file !== inode) continue;
        const { directory, name } = walk(volume, path, 'find');
        if (directory !== undefined) disk.events.named(directory, name, inode, inode, 'user');
      }
    },
    powerCame() {
      for (const { inode } of filesBelow(volume)) closed.add(inode.data.toString('latin1'));
    },
    store: {
      ...store,
      put: (key, ...rest) => watched(key, () => store.put(key, ...rest)),
      copy: (key, ...rest) => watched(key, () => store.copy(key, ...rest)),
      completeMultipart: (key, ...rest) => watched(key, () => store.completeMultipart(key, ...rest)),
      delete: (key, ...rest) => watched(key, () => store.delete(key, ...rest)),
    },
  };
}

/** Of receivers all are ASCII: the same in a path and in a key. */
function lastNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function heldBy(body: string): Held {
  return { etag: '', versionId: '', body, metadata: {} };
}
