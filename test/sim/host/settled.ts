/** What must be so once an agent has had the time: folder, bucket and index agree, by the mode, or say why they do not. */
import type { IndexRow } from '#adapters/host/index-db.ts';
import { isReserved } from '#core/names.ts';
import type { SimHost } from './host.ts';
import { at, filesBelow } from './paths.ts';

/** Until a request has had its effect and its reply, and the index has committed what came of it. */
const ON_ITS_WAY_MS = 5_000;

/** The first thing that is not as it should be. */
export function firstHostDifference(host: SimHost): string | undefined {
  const { agent, disk, setup } = host;
  const [view] = agent?.views() ?? [];
  if (view === undefined) return `${setup.name} does not run`;
  // Another agent has the prefix: this one does nothing, and says so when it is asked to.
  if (!host.judge.isOwner()) return undefined;
  if (view.state !== 'working' && view.state !== 'held')
    return `${setup.name} is ${view.state}: ${view.reason}`;
  const trash = at(disk, '/data/one/.sluice/trash')?.entries ?? [];
  for (const [name, { kind }] of trash)
    if (kind === 'file') return `a file of ${setup.name} is out of its users' sight: ${name}`;
  if (setup.mode === 'receive') return ofReceiver(host);
  return ofFiles(host) ?? (setup.mode === 'mirror' ? ofMirror(host) : ofMoved(host));
}

function ofFiles(host: SimHost): string | undefined {
  const { hub, setup, volume } = host;
  for (const { path, inode } of filesBelow(volume)) {
    const name = path.split('/').at(-1) ?? '';
    // What is being written aside is ignored by its name.
    if (name.startsWith('.')) continue;
    const row = rowOf(host, path);
    if (row !== undefined && row.state === 'parked' && row.lastError !== '') continue;
    if (setup.mode === 'move') return `${path} is still on ${setup.name}: ${textOf(row)}`;
    const body = inode.data.toString('latin1');
    const held = hub.past.now(keyOf(host, path));
    if (held?.body !== body) return `${path} on ${setup.name} is ${body}, and the hub has ${held?.body}`;
    if (row?.state !== 'synced') return `${path} on ${setup.name} is in the hub, and its row ${textOf(row)}`;
    if (row.etag !== held.etag) return `the row of ${path} on ${setup.name} names another object`;
    if (row.ino !== inode.ino || row.ctimeNs !== inode.ctimeNs)
      return `the row of ${path} on ${setup.name} is of another state of the file`;
  }
  return undefined;
}

/** What the bucket has and the folder has not. */
function ofMirror(host: SimHost): string | undefined {
  // Then nobody can tell its objects from those of somebody else.
  if (host.lostIndex) return undefined;
  const files = new Set(filesBelow(host.volume).map(({ path }) => path));
  for (const key of keysOf(host)) {
    const path = pathOf(host, key);
    const row = rowOf(host, path);
    if (files.has(path) || (row?.state === 'held' && row.lastError !== '')) continue;
    if (isUnheardOf(host, key)) continue;
    return `${key} is in the hub, and no file of ${host.setup.name}: ${textOf(row)}`;
  }
  return undefined;
}

/** Its upload was on its way, or not noted yet, when the power went: then nobody can tell it from somebody else's. */
function isUnheardOf({ hub, powerCutsMs }: SimHost, key: string): boolean {
  const sinceMs = hub.past.of(key).at(-1)?.fromMs ?? 0;
  return powerCutsMs.some((atMs) => Math.abs(atMs - sinceMs) <= ON_ITS_WAY_MS);
}

/** What went is there, or what the file was later. */
function ofMoved({ hub, judge, setup }: SimHost): string | undefined {
  for (const [path, { body, at }] of judge.moved) {
    const was = (text: string) => judge.past.of(path).findLastIndex(({ held }) => held?.body === text);
    const held = hub.past.now(setup.prefix + Buffer.from(path, 'latin1').toString('utf8'));
    if (held === undefined || was(held.body) < at)
      return `${path} went from ${setup.name} as ${body}, and the hub has ${held?.body}`;
  }
  return undefined;
}

function ofReceiver(host: SimHost): string | undefined {
  for (const key of keysOf(host)) {
    const row = rowOf(host, pathOf(host, key));
    if (row?.state === 'parked' && row.lastError !== '') continue;
    return `${key} waits for ${host.setup.name}: ${textOf(row)}`;
  }
  return undefined;
}

function keysOf({ hub, setup }: SimHost): string[] {
  return [...hub.past.keys()].filter(
    (key) => key.startsWith(setup.prefix) && !isReserved(key) && hub.past.now(key) !== undefined,
  );
}

function rowOf({ index }: SimHost, path: string): IndexRow | undefined {
  return index.rows.get(`one\0${path}`);
}

function textOf(row: IndexRow | undefined): string {
  return row === undefined ? 'no row' : `${row.state}, ${row.lastError}`;
}

function keyOf({ setup }: SimHost, path: string): string {
  return setup.prefix + Buffer.from(path, 'latin1').toString('utf8');
}

function pathOf({ setup }: SimHost, key: string): string {
  return Buffer.from(key.slice(setup.prefix.length)).toString('latin1');
}
