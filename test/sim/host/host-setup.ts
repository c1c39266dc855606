/** What a simulated host is, and what its users do there, drawn from the seed. */
import type { Draw } from '../setup.ts';

type Mode = 'move' | 'mirror' | 'append' | 'receive';

export interface HostSetup {
  name: string;
  mode: Mode;
  prefix: string;
  path: string;
  /** Of its file system. */
  leases: boolean;
  /** Files in flight at once. */
  concurrency: number;
  /** Deletes that the guard of a mirror lets through in one window. */
  guardCount: number;
  /** Age that removes. */
  retentionMs?: number;
}

export type HostAct =
  /** `over`: the file that has the name is written anew; `aside`: a new file gets the name when it is complete. */
  | { act: 'write'; path: string; chunks: string[]; pauseMs: number; way: 'over' | 'aside' }
  /** Opened for writing and closed again, without a word. */
  | { act: 'hold'; path: string; forMs: number }
  /** A file, or all below a directory. */
  | { act: 'delete'; path: string }
  | { act: 'rename' | 'link'; path: string; to: string }
  | { act: 'touch'; path: string }
  | { act: 'unmount' | 'fill the disk'; forMs: number }
  | { act: 'kill' | 'cut the power' | 'restart' | 'lose the index' | 'approve' }
  | { act: 'step the clock'; byMs: number };

const UNGUARDED = 1_000_000;
const MINUTE_MS = 60_000;
const PATHS = ['a', 'd/b', 'd/e/c', Buffer.from('ü x').toString('latin1'), 'd/f'];
/** Not UTF-8: it can be no key. */
const NO_KEY = 'd/\xff';
const DIRECTORIES = ['d', 'd/e', 'g'] as const;

export function drawHosts(draw: Draw): HostSetup[] {
  if (!draw.happens(0.4)) return [];
  const mode = draw.of<Mode>(['move', 'mirror', 'append', 'receive']);
  const one: HostSetup = {
    name: 'host-a',
    mode,
    prefix: mode === 'receive' ? 'in/' : 'out/',
    path: '/data/one',
    leases: draw.happens(0.75),
    concurrency: draw.of([1, 2, 8]),
    guardCount: mode === 'mirror' && draw.happens(0.2) ? 1 + draw.below(2) : UNGUARDED,
    ...(draw.happens(0.15) && mode !== 'mirror' ? { retentionMs: MINUTE_MS } : {}),
  };
  if (draw.happens(0.8)) return [one];
  const { retentionMs: _young, ...other } = one;
  // The same prefix on another host, or the other end of it.
  if (mode === 'mirror' || draw.happens(0.3)) return [one, { ...other, name: 'host-b' }];
  return [one, { ...other, name: 'host-b', mode: 'receive', prefix: 'in/', guardCount: UNGUARDED }];
}

/** Paths that users of a host know. */
export function pathsOf({ mode }: HostSetup): readonly string[] {
  return mode === 'receive' ? ['a', 'd/b', 'e c'] : [...PATHS, NO_KEY];
}

/** @param version a number that no other file of the history has */
export function drawAct(draw: Draw, setup: HostSetup, version: number): HostAct {
  const paths = pathsOf(setup);
  // Mostly the same two: what happens to one file at one time is what goes wrong.
  const path = () => paths[draw.below(draw.happens(0.6) ? 2 : paths.length)] ?? 'a';
  const place = () => (draw.happens(0.3) ? draw.of(DIRECTORIES) : path());
  const forMs = () => draw.below(draw.of([1_000, 20_000, 90_000]));
  const kinds: [weight: number, draw: () => HostAct][] = [
    [
      setup.mode === 'receive' ? 6 : 30,
      () => ({ act: 'write', path: path(), ...content(draw, setup, version) }),
    ],
    [8, () => ({ act: 'hold', path: path(), forMs: pause(draw, setup, 20_000) })],
    [14, () => ({ act: 'delete', path: place() })],
    [8, () => ({ act: 'rename', path: place(), to: place() })],
    [2, () => ({ act: 'link', path: path(), to: path() })],
    [3, () => ({ act: 'touch', path: path() })],
    [2, () => ({ act: 'unmount', forMs: forMs() })],
    [2, () => ({ act: 'fill the disk', forMs: forMs() })],
    [4, () => ({ act: draw.of(['kill', 'cut the power', 'restart']) })],
    [1, () => ({ act: 'lose the index' })],
    [setup.guardCount < UNGUARDED ? 4 : 0, () => ({ act: 'approve' })],
    [1, () => ({ act: 'step the clock', byMs: draw.below(20_000) - 10_000 })],
  ];
  const bag = kinds.flatMap(([weight, make]) => Array.from({ length: weight }, () => make));
  return (bag[draw.below(bag.length)] ?? (() => ({ act: 'touch', path: 'a' }) as const))();
}

/** No two files of a history have the same bytes: so they tell where they came from. */
function content(
  draw: Draw,
  setup: HostSetup,
  version: number,
): { chunks: string[]; pauseMs: number; way: 'over' | 'aside' } {
  const name = `<${version}>`;
  const text = name.padEnd(draw.of([name.length, 12, 16, 40, 70]), `.${name}`);
  const cut = draw.happens(0.6) ? draw.below(text.length) : 0;
  return {
    chunks: cut === 0 ? [text] : [text.slice(0, cut), text.slice(cut)],
    pauseMs: pause(draw, setup, 5_000),
    way: draw.of(['over', 'aside']),
  };
}

/** Without leases a writer that pauses longer than the folder's settling time is not seen. */
function pause(draw: Draw, { leases }: HostSetup, mostMs: number): number {
  return draw.below(draw.of([2, 50, leases ? mostMs : 1_000]));
}
