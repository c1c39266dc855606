/** What people and programs do to the files of a host, while the agent is at them. */
import { breakLeases } from './descriptors.ts';
import type { Inode } from './disk.ts';
import type { SimHost } from './host.ts';
import type { HostAct } from './host-setup.ts';
import { at } from './paths.ts';
import { watchings } from './watcher.ts';

export function act(host: SimHost, deed: HostAct): void {
  const { sim, setup } = host;
  sim.trace(() => `USER of ${setup.name} ${JSON.stringify(deed)}`);
  const deeds: { [Act in HostAct['act']]: (one: HostAct & { act: Act }) => void } = {
    write: (one) => write(host, one),
    hold: ({ path, forMs }) => hold(host, path, forMs),
    delete: ({ path }) => remove(host, path),
    rename: ({ path, to }) => rename(host, path, to),
    link: ({ path, to }) => link(host, path, to),
    touch: ({ path }) => touch(host, path),
    unmount: ({ forMs }) => unmount(host, forMs),
    'fill the disk': ({ forMs }) => fill(host, forMs),
    kill: () => host.die('killed'),
    'cut the power': () => host.die('power cut'),
    restart: () => void host.restart(),
    'lose the index': () => loseIndex(host),
    approve: () => host.approve(),
    'step the clock': ({ byMs }) => stepClock(host, byMs),
  };
  (deeds[deed.act] as (one: HostAct) => void)(deed);
}

function touch(host: SimHost, path: string): void {
  const inode = fileAt(host, path);
  if (inode !== undefined) host.disk.touch(inode);
}

/** Together with the folder an agent has nothing to tell it by. */
function loseIndex(host: SimHost): void {
  if (at(host.disk, '/data/one') !== host.volume) return;
  host.sim.faults.count('index lost');
  host.loseIndex();
}

function stepClock(host: SimHost, byMs: number): void {
  host.sim.faults.count('clock step');
  host.stepClock(byMs);
}

function fileAt({ volume }: SimHost, path: string): Inode | undefined {
  const inode = below(volume, path);
  return inode?.kind === 'file' ? inode : undefined;
}

function below(volume: Inode, path: string): Inode | undefined {
  let inode: Inode | undefined = volume;
  for (const name of path.split('/')) inode = inode?.entries.get(name);
  return inode;
}

/** Where the name is; directories on the way are made. `undefined`: a file is in the way. */
function placeFor({ disk, volume }: SimHost, path: string): { directory: Inode; name: string } | undefined {
  const steps = path.split('/');
  const name = steps.pop() ?? '';
  let directory = volume;
  for (const step of steps) {
    const above = directory;
    const next = above.entries.get(step) ?? disk.make('directory', 'user');
    if (next.kind !== 'directory') return undefined;
    if (!above.entries.has(step)) disk.change('user', (put) => put(above, step, next));
    directory = next;
  }
  return { directory, name };
}

function write(host: SimHost, { path, chunks, pauseMs, way }: HostAct & { act: 'write' }): void {
  const { disk } = host;
  const place = placeFor(host, path);
  if (place === undefined) return;
  const { directory, name } = place;
  const known = directory.entries.get(name);
  if (known !== undefined && known.kind !== 'file') return;
  if (known !== undefined && way === 'over') {
    openForWriting(host, known, () => {
      disk.write(known, 'user', Buffer.alloc(0));
      writeChunks(host, known, chunks, pauseMs, () => undefined);
    });
    return;
  }
  const inode = disk.make('file', 'user', directory.dev);
  inode.writers++;
  const first = known === undefined && way === 'over' ? name : `.${name}.tmp`;
  disk.change('user', (put) => put(directory, first, inode));
  writeChunks(host, inode, chunks, pauseMs, () => {
    if (first === name || directory.entries.get(first) !== inode) return;
    disk.change('user', (put) => {
      put(directory, first, undefined);
      put(directory, name, inode);
    });
  });
}

/** As open(2) does: it counts as a writer before the leases are broken. */
function openForWriting(host: SimHost, inode: Inode, go: () => void): void {
  inode.writers++;
  if (breakLeases(inode, go)) host.sim.faults.count('lease broken');
}

function writeChunks(
  host: SimHost,
  inode: Inode,
  [first = '', ...rest]: readonly string[],
  pauseMs: number,
  after: () => void,
): void {
  const { disk } = host;
  disk.write(inode, 'user', Buffer.concat([inode.data, Buffer.from(first, 'latin1')]));
  disk.events.changed('user');
  host.users.add(pauseMs, () => {
    if (rest.length > 0) return writeChunks(host, inode, rest, pauseMs, after);
    close(host, inode);
    after();
  });
}

function close({ judge }: SimHost, inode: Inode): void {
  inode.writers--;
  if (inode.writers === 0) judge.writerClosed(inode);
}

function hold(host: SimHost, path: string, forMs: number): void {
  const inode = fileAt(host, path);
  if (inode === undefined) return;
  openForWriting(host, inode, () => host.users.add(forMs, () => close(host, inode)));
}

function remove(host: SimHost, path: string): void {
  const { disk, volume } = host;
  const inode = below(volume, path);
  const place = placeFor(host, path);
  if (inode === undefined || place === undefined) return;
  for (const name of [...inode.entries.keys()]) remove(host, `${path}/${name}`);
  disk.change('user', (put) => put(place.directory, place.name, undefined));
}

function rename(host: SimHost, path: string, to: string): void {
  const { disk, volume } = host;
  const inode = below(volume, path);
  if (inode === undefined || path === to || to.startsWith(`${path}/`) || path.startsWith(`${to}/`)) return;
  const place = placeFor(host, to);
  const source = placeFor(host, path);
  if (place === undefined || source === undefined) return;
  const target = place.directory.entries.get(place.name);
  if (target !== undefined && (target.kind === 'directory' || inode.kind === 'directory')) return;
  if (target === inode) return;
  disk.change('user', (put) => {
    put(source.directory, source.name, undefined);
    put(place.directory, place.name, inode);
  });
}

function link(host: SimHost, path: string, to: string): void {
  const inode = fileAt(host, path);
  const place = placeFor(host, to);
  if (inode === undefined || place === undefined || place.directory.entries.has(place.name)) return;
  host.disk.change('user', (put) => put(place.directory, place.name, inode));
  // Its ctime says so, and nothing says what for.
  host.disk.touch(inode);
}

/** An empty directory of another file system is what is left. */
function unmount({ disk, sim, users, volume, index }: SimHost, forMs: number): void {
  const data = at(disk, '/data');
  if (data === undefined || data.entries.get('one') !== volume) return;
  // An agent that has never seen the folder cannot tell that it is not mounted.
  if (![...index.notes.keys()].some((name) => name.startsWith('folder-id/'))) return;
  sim.faults.count('unmounted');
  const show = (inode: Inode) => {
    data.entries.set('one', inode);
    inode.nlink = 1;
    for (const one of watchings.get(disk) ?? []) one.replaced();
  };
  show(disk.make('directory', 'user', 65n));
  users.add(forMs, () => show(volume));
}

function fill({ disk, sim, users }: SimHost, forMs: number): void {
  sim.faults.count('disk full');
  const bytes = Math.max(0, disk.freeBytes);
  disk.freeBytes -= bytes;
  users.add(forMs, () => {
    disk.freeBytes += bytes;
  });
}
