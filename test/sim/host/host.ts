/** A simulated host: its disk, and an agent that is started again whenever it has died, as a service manager does. */
import { createIndexDisk, createMemoryIndex, type IndexDisk } from '../../doubles/host-index-memory.ts';
import type { Hub } from '../hub.ts';
import { remote } from '../port-calls.ts';
import type { Simulation } from '../simulation.ts';
import type { Agent, startAgent } from './agent.ts';
import { closeAll } from './descriptors.ts';
import { createDisk, type Disk, type Inode } from './disk.ts';
import { createFailingCalls } from './errors.ts';
import type { HostSetup } from './host-setup.ts';
import { createJudge, type Judge } from './judge.ts';
import { logOf } from './log.ts';
import { type IndexFile, Killed, type Machine, type Process, running } from './process.ts';
import { stampOf } from './scan.ts';

export interface SimHost extends Machine {
  readonly setup: HostSetup;
  readonly hub: Hub;
  readonly disk: Disk;
  /** The folder itself, mounted or not. */
  readonly volume: Inode;
  readonly judge: Judge;
  readonly index: IndexDisk;
  readonly agent: Agent | undefined;
  /** Whether rows were lost, and with them the knowledge of which objects are ours. */
  readonly lostIndex: boolean;
  /** When its agents have died. */
  readonly powerCutsMs: readonly number[];
  stepClock(byMs: number): void;
  /** What users have begun to do: the next of it may come at any system call of the agent. */
  readonly users: UserQueue;
  start(): void;
  /** A power cut takes with it what was not flushed. */
  die(how: 'killed' | 'power cut'): void;
  loseIndex(): void;
  /** Ends in an orderly way, and starts again. */
  restart(): Promise<void>;
  /** Somebody says that the deletes which the guard holds may go. */
  approve(): void;
  /** Ends for good once what is in flight has ended. */
  stop(): Promise<void>;
}

interface UserQueue {
  /** In the order of asking; at its time, or up to a moment earlier. */
  add(delayMs: number, action: () => void): void;
  /** Whether something was done. */
  hurry(): boolean;
}

/** Longer than a request may be on its way, so that a dead agent and its successor are never at it together. */
const RESTART_MS = 5_000;
/** As late as that somebody may act who could have acted now. */
const EARLY_MS = 2_000;

export function createHost(sim: Simulation, hub: Hub, setup: HostSetup, start: typeof startAgent): SimHost {
  const { scheduler, choices, faults } = sim;
  let clockOffMs = 0;
  let clockStepped = false;
  const nowMs = () => scheduler.nowMs + clockOffMs;
  const disk = createDisk(nowMs);
  const volume = disk.make('directory', 'user');
  const failing = createFailingCalls(sim);
  const knowsItsStart = () => {
    const [, sinceMs = '0'] = index.notes.get('boot')?.split(' ') ?? [];
    return !lostIndex && !clockStepped && sinceMs !== '0';
  };
  const judge = createJudge({ sim, hub, setup, disk, volume, knowsItsStart });
  let index = createIndexDisk();
  let process: Process | undefined;
  let agent: Agent | undefined;
  let lostIndex = false;
  const powerCutsMs: number[] = [];
  /** Of the process that is there; who asks twice waits for the same. */
  let ending: Promise<void> | undefined;
  let stopped = false;
  let starts = 0;
  let boots = 1;

  const host: SimHost = {
    kind: setup.mode,
    sim,
    hub,
    setup,
    disk,
    volume,
    leases: setup.leases,
    users: createUsers(sim),
    nowMs,
    stepClock(byMs) {
      clockOffMs += byMs;
      clockStepped = true;
    },
    judge,
    get index() {
      return index;
    },
    get agent() {
      return agent;
    },
    get lostIndex() {
      return lostIndex;
    },
    powerCutsMs,
    interrupt(one, call) {
      const kind = faults.ofSystemCall();
      if (kind === 'call failed' || kind === 'calls fail') return failing.begin(call, kind === 'calls fail');
      if (kind === 'interleaved') running.exit(() => host.users.hurry());
      else if (kind !== undefined && one === process) running.exit(() => host.die(kind));
      return failing.now(call);
    },
    start() {
      if (stopped || process !== undefined) return;
      const one = createProcess();
      process = one;
      sim.trace(() => `${one.name} starts`);
      running.run(one, () => {
        const log = logOf(sim, one);
        const memory = createMemoryIndex(index, () => {
          if (!one.alive) throw new Killed();
        });
        const world = {
          store: remote(sim, one, 'hub', judge.store),
          index: memory,
          log,
          nowMs: nowMs(),
          opaqueEtags: hub.opaqueEtags,
        };
        start(setup, world).then(
          (started) => {
            agent = started;
          },
          (error: unknown) => {
            if (error instanceof Killed) return;
            log.error(error instanceof Error ? error.message : String(error));
            one.kill();
          },
        );
      });
    },
    die(how) {
      if (process === undefined) return;
      sim.trace(() => `${process?.name} dies: ${how}`);
      process.kill();
      if (how !== 'power cut') return;
      disk.powerCut(choices);
      judge.powerCame();
      boots++;
      bootId.data = Buffer.from(`boot-${boots}`);
      powerCutsMs.push(scheduler.nowMs);
      index.sending.splice(choices.below(index.sending.length + 1));
    },
    loseIndex() {
      host.die('killed');
      index = createIndexDisk('rebuilt');
      lostIndex = true;
    },
    async restart() {
      const one = process;
      if (one === undefined) return;
      sim.trace(() => `${one.name} is to end`);
      ending ??= end(one);
      await ending;
    },
    approve() {
      if (process !== undefined) running.run(process, () => agent?.approveDeletes());
    },
    stop() {
      stopped = true;
      return host.restart();
    },
  };

  async function end(one: Process): Promise<void> {
    await running.run(one, () =>
      agent?.stop().catch((error: unknown) => {
        if (error instanceof Killed) return;
        logOf(sim, one).error(error instanceof Error ? error.message : String(error));
      }),
    );
    if (one.alive && agent !== undefined && one.descriptors.size > 0) {
      const open = [...one.descriptors.values()].map(({ inode }) => `${inode.kind} ${inode.ino}`);
      sim.violate('bug', `${one.name} has ended its work and left open: ${open.join(', ')}`);
    }
    one.kill();
  }

  function createProcess(): Process {
    const one: Process = {
      name: `${setup.name}#${++starts}`,
      alive: true,
      clockOffMs: 0,
      patient: true,
      task: { id: sim.newId(), startedMs: scheduler.nowMs, deadlineMs: 0, errors: 0, complaints: 0 },
      machine: host,
      descriptors: new Map(),
      rows: () => rowsOf(index),
      kill() {
        if (!one.alive) return;
        one.alive = false;
        closeAll(one);
        agent?.forget();
        agent = undefined;
        ending = undefined;
        if (process === one) process = undefined;
        if (!stopped) scheduler.after(RESTART_MS + choices.below(RESTART_MS), host.start);
      },
    };
    return one;
  }

  const data = disk.make('directory', 'user');
  disk.change('user', (put) => {
    put(disk.root, 'data', data);
    put(data, 'one', volume);
  });
  systemFile(disk, '/etc/machine-id', setup.name);
  const bootId = systemFile(disk, '/proc/sys/kernel/random/boot_id', 'boot-1');
  return host;
}

function systemFile(disk: Disk, path: string, text: string): Inode {
  const names = path.split('/').slice(1);
  const name = names.pop() ?? '';
  let directory = disk.root;
  for (const one of names) {
    const next = directory.entries.get(one) ?? disk.make('directory', 'user');
    const above = directory;
    disk.change('user', (put) => put(above, one, next));
    directory = next;
  }
  const file = disk.make('file', 'user');
  file.data = Buffer.from(text);
  disk.change('user', (put) => put(directory, name, file));
  return file;
}

function createUsers({ scheduler }: Simulation): UserQueue {
  let waiting: { atMs: number; act(): void }[] = [];

  function take(one: (typeof waiting)[number] | undefined): boolean {
    if (one === undefined || !waiting.includes(one)) return false;
    waiting = waiting.filter((other) => other !== one);
    one.act();
    return true;
  }

  return {
    add(delayMs, act) {
      const one = { atMs: scheduler.nowMs + delayMs, act };
      waiting.push(one);
      scheduler.after(delayMs, () => take(one));
    },
    hurry() {
      const [first] = waiting.toSorted((left, right) => left.atMs - right.atMs);
      return first !== undefined && first.atMs - scheduler.nowMs < EARLY_MS && take(first);
    },
  };
}

function rowsOf(index: IndexDisk): IndexFile {
  return {
    after(folder, path) {
      let next: { path: string; synced: boolean; stamp: string } | undefined;
      for (const row of index.rows.values()) {
        const name = row.path.toString('latin1');
        if (row.folder !== folder || name <= path || (next !== undefined && name >= next.path)) continue;
        next = { path: name, synced: row.state === 'synced', stamp: stampOf(row) };
      }
      return next;
    },
  };
}
