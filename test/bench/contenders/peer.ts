/** The tools that ours is measured against, and what each can be asked. */
import type { Bench } from '../bench.ts';
import type { Target } from '../servers.ts';
import type { Command } from '../timed.ts';
import { mc } from './mc.ts';
import { rclone } from './rclone.ts';
import { s5cmd } from './s5cmd.ts';

/** Directories and prefixes are whole: each file of `directory` goes below `prefix`, which ends with a slash. */
export interface Peer {
  name: string;
  /** Into an empty bucket; `atOnce` where the tool must be told how many files are to be in flight. */
  upload(directory: string, to: Target, prefix: string, atOnce?: number): Command;
  /** Again, when everything is there. */
  rerun(directory: string, to: Target, prefix: string): Command;
  /** Leaves the objects. */
  download(from: Target, prefix: string, directory: string): Command;
  /** Removes them, as ours does; absent where the tool cannot. */
  fetch?(from: Target, prefix: string, directory: string): Command;
  /** Absent where the tool knows one server only. */
  between?(from: Target, to: Target): Command;
  within(from: Target, to: Target): Command;
}

export async function peersOf({ programs }: Bench): Promise<Peer[]> {
  return [s5cmd(await programs.s5cmd()), rclone(await programs.rclone()), mc(await programs.mc())];
}
