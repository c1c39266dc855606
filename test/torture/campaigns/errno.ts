/** System calls fail, once or from then on: nothing is lost, and whoever looks sees it. */
import { rmSync } from 'node:fs';
import { type Campaign, type Fault, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { fault, judgeConverged, judgeNow } from '../judge.ts';
import { inLanes } from '../lanes.ts';
import type { Random } from '../random.ts';
import type { Mode, Scene } from '../scene.ts';
import { smallScene, steps } from '../small-scene.ts';
import { type Trace, traced } from '../strace.ts';

/** Of the agent, of Node, or of the loader before them. */
const TOLD = /WARN|ERROR|^sluice-agent: |Error|error while loading|OpenSSL configuration error/m;
const MODES: Mode[] = ['move', 'mirror', 'receive'];
/** What each call may fail with, by its manual page. */
const ERRORS: Record<string, readonly string[]> = {
  openat: ['EIO', 'EACCES', 'EMFILE', 'ENFILE', 'ENOSPC', 'ELOOP', 'ESTALE'],
  read: ['EIO', 'EINTR', 'ESTALE', 'ECONNRESET'],
  pread64: ['EIO', 'EINTR', 'ESTALE'],
  write: ['EIO', 'ENOSPC', 'EDQUOT', 'EINTR', 'EPIPE'],
  pwrite64: ['EIO', 'ENOSPC', 'EDQUOT', 'EINTR'],
  writev: ['EPIPE', 'ECONNRESET'],
  fsync: ['EIO', 'ENOSPC', 'EDQUOT'],
  fdatasync: ['EIO', 'ENOSPC', 'EDQUOT'],
  ftruncate: ['EIO'],
  rename: ['EIO', 'ENOSPC', 'EACCES', 'EXDEV', 'EROFS'],
  renameat2: ['EIO', 'ENOSPC', 'EACCES', 'EINVAL', 'EROFS'],
  unlink: ['EIO', 'EACCES', 'EBUSY', 'EROFS'],
  rmdir: ['EIO', 'EACCES', 'EBUSY'],
  mkdir: ['EIO', 'ENOSPC', 'EACCES', 'EROFS'],
  symlink: ['EIO', 'ENOSPC', 'EACCES', 'EROFS'],
  link: ['EIO', 'EMLINK'],
  statx: ['EIO', 'EACCES', 'ESTALE'],
  newfstatat: ['EIO', 'EACCES', 'ESTALE'],
  lstat: ['EIO', 'EACCES'],
  fstat: ['EIO', 'ESTALE'],
  getdents64: ['EIO', 'ESTALE'],
  readlink: ['EIO'],
  fcntl: ['EIO', 'EACCES', 'ENOLCK'],
  flock: ['EIO', 'ENOLCK'],
  fchmod: ['EIO', 'EPERM'],
  fchown: ['EIO', 'EPERM'],
  utimensat: ['EIO', 'EPERM'],
  connect: ['ECONNREFUSED', 'ENETUNREACH', 'ETIMEDOUT'],
  close: ['EIO'],
};
/** The runtime makes these for itself too; broken for good, it can no longer speak. */
const RUNTIME = new Set(['read', 'write', 'writev', 'close', 'fcntl', 'openat', 'statx', 'fstat']);
const WITHIN_MS = 60_000;
const FAILING_PASSES = 6;
/** Kinds of calls that fail in one pass, at most: most of what a pass takes is a start of the agent under strace. */
const FAILING_KINDS = 4;
const STEPS_BETWEEN = 6;

export const errno: Campaign = {
  name: 'errno',
  title: 'each kind of system call fails in each way that it may',
  cases: [5, 10, 12, 13, 14, 15],
  needs: ['strace'],
  rounds: 60,
  run: (world) => inLanes(world, (random, number) => failInTurn(world, random, number)),
};

/** Pass after pass fails in another way, and only then all is well: most of what a round takes are starts of the agent. */
async function failInTurn(world: World, random: Random, number: number): Promise<void> {
  const mode = MODES[number % MODES.length] ?? 'move';
  const scene = await smallScene(world, mode, random);
  const count = traced(scene.base, Object.keys(ERRORS));
  await scene.start('once', count.options).exit;
  const calls = Object.groupBy(count.points(scene.base), ({ syscall }) => syscall);
  const history: string[] = [mode];
  const named = (faults: Fault[]) =>
    world.tally.wrong(faults.map((one) => ({ ...one, what: `${history.join(', ')}: ${one.what}` })));
  for (let pass = 0; pass < FAILING_PASSES && (pass === 0 || goesOn(world)); pass++) {
    if (pass > 0) world.tally.round();
    // What was sent, and could not be noted, is somebody else's object once its file is gone.
    if (pass > 0 && mode === 'mirror') named(await heal(scene));
    const syscalls = some(Object.keys(calls), random);
    const injections = syscalls.map((one) => injectionOf(one, random, random.pick(calls[one] ?? []).ordinal));
    history.push(injections.join(' + '));
    await steps(scene.writer, STEPS_BETWEEN);
    const trace = traced(scene.base, syscalls, injections);
    const faults = await disturbed(scene, trace);
    named(trace.refusedUnlock() ? faults.filter(({ kind }) => kind !== 'silent') : faults);
    world.tally.fired(trace.injected().size);
  }
  named(await heal(scene));
  rmSync(scene.base, { recursive: true });
}

function some(kinds: readonly string[], random: Random): string[] {
  const count = 1 + random.below(FAILING_KINDS);
  return [...new Set(Array.from({ length: count }, () => random.pick(kinds)))];
}

function injectionOf(syscall: string, random: Random, ordinal: number): string {
  const forGood = !RUNTIME.has(syscall) && random.chance(0.3);
  const error = random.pick(ERRORS[syscall] ?? ['EIO']);
  // A call that a signal has ended is done again, by SQLite as often as that happens: no kernel says so for ever.
  return `${syscall}:error=${error}:when=${ordinal}${forGood && error !== 'EINTR' ? '+' : ''}`;
}

/** A pass with the fault: either all is done all the same, or somebody is told. */
async function disturbed(scene: Scene, { options, mute }: Trace): Promise<Fault[]> {
  const agent = scene.start('once', options);
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    void agent.kill();
  }, WITHIN_MS);
  const code = await agent.exit;
  clearTimeout(timer);
  const faults = await judgeNow(scene);
  if (code === 0) {
    const left = (await judgeConverged(scene)).filter(({ kind }) => kind === 'notConverged');
    return [...faults, ...left.map(({ what }) => fault('silent', `exit code 0, but ${what}`))];
  }
  // What ends by a signal of its own, service managers tell of.
  const said = agent.output();
  const told = !hung && (typeof code === 'string' || TOLD.test(said) || mute());
  const what = hung ? 'hangs' : `ends with ${code} and says only: ${said.slice(-300)}`;
  return told ? faults : [...faults, fault('silent', what)];
}
